// Uses the page as somebody would, and tells the test what there was.
'use strict';

const asked = [];
document.addEventListener('securitypolicyviolation', e => asked.push(`refused: ${e.violatedDirective} ${e.blockedURI}`));

async function until(what, look) {
  for (let i = 0; i < 600; i++) {
    const found = look();
    if (found) return found;
    await new Promise(later => setTimeout(later, 50));
  }
  throw new Error('there is no ' + what);
}

const one = selector => until(selector, () => document.querySelector(selector));

async function tryOut(id) {
  (await one(`#${id} .opblock-summary-control`)).click();
  (await one(`#${id} .btn.execute`)).click();
  const row = `#${id} .live-responses-table .response`;
  const status = await until('status of ' + id, () => document.querySelector(`${row} .response-col_status`)?.innerText.trim());
  return status.split(/\s/)[0] + ' ' + document.querySelector(row).innerText;
}

async function use() {
  const told = {page: location.search};
  await until('refusal', () => document.body.innerText.includes('Failed to load API definition'));
  const token = await one('#token');
  token.value = 'hush';
  token.dispatchEvent(new Event('change'));
  await one('.opblock');
  told.title = document.querySelector('.info .title').innerText;
  told.operations = [...document.querySelectorAll('.opblock')].map(o => o.id.replace(/^operations-[^-]*-/, ''));
  if (told.page !== '?api=platform') {
    told.list = await tryOut('operations-sandboxes-listSandboxes');
    told.freeze = await tryOut('operations-clock-freezeClock');
  } else {
    told.quota = await tryOut('operations-package-getAuditQuota');
  }
  return told;
}

addEventListener('load', () => use()
  .catch(err => ({error: String(err && err.stack || err)}))
  .then(told => fetch('/told', {
    method: 'POST',
    body: JSON.stringify({...told, asked: [...asked, ...performance.getEntriesByType('resource').map(r => r.name)]}),
  }))
  .then(() => { if (location.search !== '?api=platform') document.querySelectorAll('nav a')[1].click(); }));
