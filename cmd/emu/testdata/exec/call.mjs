// Calls the address in its argument with fetch and with https, unmodified.
import https from 'node:https';

console.log(await (await fetch(process.argv[2])).text());
https.get(process.argv[2], (answer) => answer.pipe(process.stdout));
