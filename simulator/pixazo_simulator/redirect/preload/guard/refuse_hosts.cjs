// Makes each Node process that a guarded test starts refuse the vendor's hosts; everything else is left alone.
'use strict';

const { PIXAZO_GUARD: told, PIXAZO_DOOR_PORT: door } = process.env;
if (told && !door) guard(); // `pixazo-sim exec` leads the hosts to its door by itself

function guard() {
  const fs = require('fs');
  const net = require('net');
  const tls = require('tls');
  const names = told.slice(0, told.indexOf(' ')).split(',');
  const { file, why } = JSON.parse(told.slice(told.indexOf(' ')));

  function refusal(host) {
    const name = String(host).toLowerCase().replace(/\.$/, '');
    if (!names.includes(name)) return null;
    const error = Object.assign(new Error(name + why), { code: 'ECONNREFUSED' });
    try {
      fs.writeFileSync(file, `${error.message}\n`, { flag: fs.constants.O_WRONLY | fs.constants.O_APPEND });
    } catch {} // nobody reads it any more
    return error;
  }

  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (...given) {
    const [first, second] = Array.isArray(given[0]) ? given[0] : given; // as net and tls call it themselves
    const error = refusal(first && typeof first === 'object' ? first.host : second);
    return error ? broken(this, error) : connect.apply(this, given);
  };

  // A connection by way of a proxy, or to an address that somebody else has looked up, tells the host here.
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
