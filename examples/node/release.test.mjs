// @ts-check
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {call} from './release.mjs';

const sandboxes = `${process.env.EMU_URL}/_emu/sandboxes`;

/**
 * Asks the emulator, or gives it an order.
 * @param {string} path
 * @param {object} [order]
 * @returns {Promise<any>}
 */
async function emu(path, order) {
  const headers = {'Content-Type': 'application/json'};
  const answer = await fetch(sandboxes + path, order && {method: 'POST', headers, body: JSON.stringify(order)});
  return answer.json();
}

/**
 * Makes a platform for one test, with a clock that the test moves, and uploads
 * and submits a version there.
 * @param {import('node:test').TestContext} t
 * @param {string} name
 */
async function submitted(t, name) {
  const who = await emu('', {name, clock: {mode: 'virtual'}});
  t.after(() => fetch(`${sandboxes}/${name}`, {method: 'DELETE'}));
  const token = who.authorizer.access_token;
  await call(token, 'upload', {template_id: '754', user_version: '1.0.0', user_desc: 'first', ext_json: '{}'});
  await emu(`/${name}/clock/advance`, {by: '3s'});
  const [{package_id}] = await call(token, 'get');
  await call(token, 'submitaudit', {package_id, content: 'first', remark: ''});
  return {token, package_id};
}

test('what has passed the audit is released', async (t) => {
  const {token, package_id} = await submitted(t, 'node-pass');
  await emu('/node-pass/clock/advance', {by: '5s'});
  const {messages} = await emu('/node-pass/inbox');
  assert.equal(messages[0].message.event, 'PACKAGE_AUDIT_PASS');
  await call(token, 'release', {package_id});
  assert.equal((await call(token, 'getdetail')).version, '1.0.0');
});

test('what has failed is not, and the reason is told', async (t) => {
  const {token, package_id} = await submitted(t, 'node-fail');
  await emu('/node-fail/decisions', {kind: 'audit', package_id, result: 'fail', reason: '名称过长'});
  const {messages} = await emu('/node-fail/inbox');
  assert.equal(messages[0].message.reason, '名称过长');
  await assert.rejects(call(token, 'release', {package_id}), /40001/);
});
