// A team's own code: the platform's address is built in, as in official clients.
// @ts-check

/**
 * Calls the platform about packages and returns what it answers as data.
 * @param {string} token the TP's on behalf of the app
 * @param {string} name of the call, such as upload
 * @param {Record<string, string>} [params]
 * @returns {Promise<any>}
 */
export async function call(token, name, params = {}) {
  const method = name.startsWith('get') ? 'GET' : 'POST';
  const query = new URLSearchParams({access_token: token, ...params});
  const answer = await (await fetch(`https://openapi.baidu.com/rest/2.0/smartapp/package/${name}?${query}`, {method})).json();
  if (answer.errno !== 0) throw new Error(`${name}: ${JSON.stringify(answer)}`);
  return answer.data;
}
