// Redirects this Node process's connections to the hosts of PIXAZO_REDIRECT_HOSTS to a TLS listener of the simulator; no other host but this machine is reached.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const tls = require('node:tls');

const HTTPS = 443;
const LOOPBACK = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1?|::ffff:127\.\d+\.\d+\.\d+)$/;
const { listener, hosts, authority } = settings();

function settings() {
  const { PIXAZO_REDIRECT_PORT: port, PIXAZO_REDIRECT_HOSTS: names, PIXAZO_REDIRECT_CA: file } = process.env;
  try {
    if (!port || !names || !file) throw new Error('one of them is not set');
    return { listener: Number(port), hosts: names.split(','), authority: fs.readFileSync(file) };
  } catch (error) {
    fs.writeSync(2, `pixazo-sim: this Node cannot be redirected to the simulator (${error.message}): keep the PIXAZO_REDIRECT_ variables\n`);
    process.exit(1);
  }
}

// Every connection trusts our authority, whatever its options say: Node reads NODE_EXTRA_CA_CERTS before this file runs.
const { createSecureContext } = tls;
tls.createSecureContext = function (...given) {
  const secure = createSecureContext.apply(this, given);
  secure.context.addCACert(authority);
  return secure;
};

// The one function through which net, tls, http, https and fetch connect.
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const normalized = Array.isArray(given[0]); // as net and tls call it themselves
  const options = optionsOf(normalized ? given[0] : given);
  const host = String(options.host ?? 'localhost').toLowerCase().replace(/\.$/, '');
  if (options.path || LOOPBACK.test(host)) return connect.apply(this, given);
  if (!hosts.includes(host) || Number(options.port) !== HTTPS) return refuse(this, host, options.port);
  const redirected = { ...options, host: '127.0.0.1', port: listener };
  if (normalized) given[0][0] = redirected;
  else given = [redirected, ...given.filter((each) => typeof each === 'function')];
  return connect.apply(this, given);
};

function optionsOf([first, second]) {
  if (typeof first === 'object' && first !== null) return first;
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { path: first };
  return { port: first, host: typeof second === 'string' ? second : undefined };
}

function refuse(socket, host, port) {
  const remedy = hosts.includes(host)
    ? `the gateway only serves https on port ${HTTPS}: call https://${host}`
    : `pixazo-sim exec is offline except for ${hosts.join(', ')} and this machine`;
  const error = new Error(`${host} port ${port} was refused: ${remedy}`);
  error.code = 'ECONNREFUSED';
  process.stderr.write(`pixazo-sim: ${error.message}\n`);
  process.nextTick(() => socket.destroy(error));
  return socket;
}
