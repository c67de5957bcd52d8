// A small Node backend: shows the raw header list it received, hashes bodies, echoes WebSocket messages.
'use strict';
const http = require('node:http');
const crypto = require('node:crypto');
const { WebSocketServer } = require('ws');

const server = http.createServer((request, response) => {
  const digest = crypto.createHash('sha256');
  let size = 0;
  request.on('data', (chunk) => { digest.update(chunk); size += chunk.length; });
  request.on('end', () => {
    if (request.url.endsWith('/set-cookie')) response.setHeader('Set-Cookie', ['theme=dark; Path=/', 'lang=en; Path=/']);
    if (request.url.endsWith('/trailers')) {
      response.writeHead(200, { Trailer: 'X-Checksum', 'Transfer-Encoding': 'chunked' });
      response.write('body');
      response.addTrailers({ 'X-Checksum': 'abc' });
      return response.end();
    }
    const status = Number((/\/status\/(\d{3})$/.exec(request.url) || [0, 200])[1]);
    response.writeHead(status, { 'Content-Type': 'application/json', 'X-Backend': 'node' });
    const headers = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) headers.push([request.rawHeaders[i], request.rawHeaders[i + 1]]);
    return response.end(request.method === 'HEAD' || status === 204 || status === 304 ? undefined : JSON.stringify(
      { method: request.method, target: request.url, headers, trailers: request.rawTrailers, size, sha256: digest.digest('hex') }));
  });
});

const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket, request) => {
  const user = request.headers['x-forwarded-user'] || 'nobody';
  socket.on('message', (data, binary) => socket.send(binary ? data : `${user}: ${data}`));
});

server.listen(Number(process.argv[2]), '127.0.0.1');
