// Node's fetch and https know no proxy in every version, so the hosts that are
// taken over are connected to where emu speaks TLS for them. EMU_REDIRECT says
// where, and which hosts. Certificates are still checked (NODE_EXTRA_CA_CERTS).
'use strict';

const tls = require('node:tls');
const net = require('node:net');

const [address, ...hosts] = (process.env.EMU_REDIRECT || '').split(' ');

if (address) {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  const host = address.slice(0, address.lastIndexOf(':'));
  const connect = tls.connect;

  tls.connect = function (...args) {
    const options = args[0];
    // What has a socket of its own goes through a proxy already.
    if (options && typeof options === 'object' && !options.socket && hosts.includes(options.host || options.servername)) {
      const servername = options.servername || options.host;
      args[0] = Object.assign({}, options, {host, port, path: undefined, lookup: undefined, servername});
      if (net.isIP(servername)) {
        delete args[0].servername;
      }
    }
    return connect.apply(this, args);
  };
}
