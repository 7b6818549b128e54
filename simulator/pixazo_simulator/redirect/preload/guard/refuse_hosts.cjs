// Makes each Node process that a guarded test starts refuse the vendor's hosts, and nothing else.
'use strict';

const { PIXAZO_GUARD: guarded, PIXAZO_REDIRECT_PORT: redirected } = process.env;
if (guarded && !redirected) guard(); // `pixazo-sim exec` redirects the hosts by itself

function guard() {
  const fs = require('fs');
  const net = require('net');
  const tls = require('tls');
  const names = guarded.slice(0, guarded.indexOf(' ')).split(',');
  const { file, test, why } = JSON.parse(guarded.slice(guarded.indexOf(' ')));

  function refusal(host) {
    const name = String(host).toLowerCase().replace(/\.$/, '');
    if (!names.includes(name)) return null;
    const error = Object.assign(new Error(name + why), { code: 'ECONNREFUSED' });
    const line = JSON.stringify({ test, when: 'child', line: error.message });
    try {
      fs.writeFileSync(file, `${line}\n`, { flag: fs.constants.O_WRONLY | fs.constants.O_APPEND });
    } catch {} // the test run has ended and deleted the file
    return error;
  }

  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (...given) {
    const [first, second] = Array.isArray(given[0]) ? given[0] : given; // as net and tls call it themselves
    const error = refusal(first && typeof first === 'object' ? first.host : second);
    return error ? broken(this, error) : connect.apply(this, given);
  };

  // A connection through a proxy, or to an address that other code has looked up, names the host only here.
  const secure = tls.connect;
  tls.connect = function (...given) {
    const error = given.map((each) => each && typeof each === 'object' && refusal(each.servername)).find(Boolean);
    return error ? broken(new net.Socket(), error) : secure.apply(this, given);
  };

  function broken(socket, error) {
    process.nextTick(() => socket.destroy(error));
    return socket;
  }
}
