/*
 * swan.js stands in for the client of a mini program (seed 004): it offers
 * swan.login, checkSession, authorize, getSwanId, getUserInfo, openSetting,
 * getSetting, chooseAddress, chooseInvoiceTitle, requestPolymerPayment and
 * Page with onShareAppMessage, and answers them from an emulator's host API.
 * What the user would do (agree, refuse, cancel, pick) is scripted.
 *
 * In a page:  <script src="http://127.0.0.1:8080/_emu/swan.js?app_key=KEY"></script>
 *             sets swan and Page; every option below may stand in the query.
 * In Node:    const swan = require('./swan.js')({base: 'http://127.0.0.1:8080', appKey: 'KEY'})
 *
 * A page of another site needs leave: emu serve --allow-origin ORIGIN. It has no
 * dependencies and needs fetch: any browser, or Node 18.
 */
(function (root, factory) {
  if (typeof module === 'object' && module.exports) {
    module.exports = factory(root);
    return;
  }
  const script = root.document && root.document.currentScript;
  const create = factory(root);
  const swan = create(script ? optionsOf(script.src) : {});
  root.createSwan = create;
  root.swan = swan;
  root.Page = swan.emu.Page;

  // optionsOf reads the options in the address of the script.
  function optionsOf(address) {
    const url = new URL(address);
    const options = {base: url.origin};
    url.searchParams.forEach(function (value, name) {
      options[name.replace(/_([a-z])/g, function (_, letter) { return letter.toUpperCase(); })] = value;
    });
    return options;
  }
})(typeof globalThis === 'object' ? globalThis : this, function (root) {
  'use strict';

  // The scopes of the client and what hosts call them.
  const scopes = {
    'scope.userInfo': 'snsapi_userinfo',
    'scope.userLocation': 'mapp_location',
    'scope.writePhotosAlbum': 'mapp_images',
    'scope.address': 'mapp_choose_address',
    'scope.invoiceTitle': 'mapp_choose_invoice',
    'scope.record': 'mapp_record',
    'scope.camera': 'mapp_camera',
  };

  // The client's own codes (public documents of the platform).
  const internalError = 10001;
  const userDeny = 10003;
  const notLoggedIn = 10004;
  const systemDeny = 10005;

  // How often is asked whether the user is still at the cashier, in
  // milliseconds of the wall: the emulator's time may stand still.
  const pollEvery = 200;

  const known = [
    'base', 'appKey', 'maId', 'huid', 'cuid', 'platform', 'hostPkgname', 'hostKeyHash', 'keyPath', 'sandbox', 'token',
    'answers', 'fetch',
  ];

  // A failure is what fail is called with.
  class Failure extends Error {
    constructor(code, message) {
      super(message);
      this.code = code;
    }
  }

  /*
   * createSwan makes a client.
   *
   *   base         where the emulator answers
   *   appKey       the AppKey of the mini program; required
   *   maId         its app_id; left out, answers are those for the first app
   *   huid, cuid   the user (0: not logged in) and the device; left out, the
   *                first ones of the sandbox
   *   platform     android (default) or ios: what cancelling a share does
   *   hostPkgname, hostKeyHash   of the host app
   *   keyPath      the first-level key of the host's answers
   *                (getAuthorizeKeyPath); '' is none
   *   sandbox      whose users answer; default default
   *   token        what the control API needs; default none
   *   answers      what the user does, see below
   *   fetch        carries the requests; default the global one
   *
   * Left out, the emulator is asked what the user answers (its control API
   * queues answers). answers is a function of what is asked and its details,
   * an object by what is asked, or one answer for everything; 'ask' asks in the
   * browser. Asked is a scope such as scope.userInfo, login, chooseAddress,
   * chooseInvoiceTitle, openSetting, requestPolymerPayment or share. Answers
   * are agree, refuse or cancel; for chooseAddress and chooseInvoiceTitle also
   * the index of the one that is chosen, or {id}; for openSetting also an
   * object of switches such as {'scope.userInfo': false}. A list holds the
   * answers of one time after another; its last one stays.
   */
  return function createSwan(options) {
    const o = Object.assign({
      base: '', maId: '', platform: 'android', hostPkgname: 'com.example.host', hostKeyHash: '00000000', keyPath: '', sandbox: 'default', token: '',
    }, options);
    for (const name of Object.keys(o)) {
      if (!known.includes(name)) {
        throw new TypeError('swan.js: unknown option ' + name + '; expected one of ' + known.join(', '));
      }
    }
    if (!o.appKey) {
      throw new TypeError('swan.js: appKey is required (in a page: /_emu/swan.js?app_key=…)');
    }
    if (o.platform !== 'android' && o.platform !== 'ios') {
      throw new TypeError('swan.js: platform is ' + o.platform + ', expected android or ios');
    }
    const send = o.fetch || root.fetch;
    const asked = {};
    let huid = o.huid;
    let page = null;

    // answer is what the user does: agree, refuse, cancel, or what is chosen.
    async function answer(what, details) {
      let a = o.answers;
      if (a === undefined) {
        return scripted(what);
      }
      if (a === 'ask') {
        return root.confirm(what + (typeof details === 'string' ? '\n' + details : '')) ? 'agree' : 'refuse';
      }
      if (typeof a === 'function') {
        a = await a(what, details);
      } else if (a !== null && typeof a === 'object' && !Array.isArray(a)) {
        a = a[what];
      }
      if (Array.isArray(a)) {
        const turn = asked[what] || 0;
        asked[what] = turn + 1;
        a = a[Math.min(turn, a.length - 1)];
      }
      return a === undefined ? 'agree' : a;
    }

    // scripted asks the emulator, which knows what its user answers.
    async function scripted(what) {
      const form = who(new URLSearchParams({ask: what}));
      if (o.maId) {
        form.set('app_id', String(o.maId));
      }
      const body = await ask('/_emu/sandboxes/' + encodeURIComponent(o.sandbox) + '/asks', form);
      if (!body.answer) {
        throw new Failure(internalError, 'nobody tells what the user answers: ' + (body.detail || 'is this an emulator?'));
      }
      return body.answer === 'agree' && body.choice ? {id: body.choice} : body.answer;
    }

    // who adds the user and the device to a form.
    function who(form) {
      if (huid !== undefined && huid !== '') {
        form.set('huid', String(huid));
      }
      if (o.cuid) {
        form.set('cuid', o.cuid);
      }
      return form;
    }

    // ask sends a request and returns the JSON object that answers it.
    async function ask(path, form) {
      let body;
      try {
        const headers = o.token && path.startsWith('/_emu/') ? {Authorization: 'Bearer ' + o.token} : {};
        const response = await send(o.base + path, form && {method: 'POST', body: form, headers: headers});
        body = await response.json();
      } catch (err) {
        throw new Failure(internalError, 'the host does not answer: ' + err.message);
      }
      if (!body || typeof body !== 'object') {
        throw new Failure(internalError, 'the answer of the host is no object');
      }
      return body;
    }

    // request calls the host API and returns the payload of its answer.
    async function request(path, more) {
      const data = Object.assign({
        ma_id: String(o.maId),
        open: {app_key: o.appKey, host_pkgname: o.hostPkgname, host_key_hash: o.hostKeyHash},
      }, more);
      let body = await ask(path, who(new URLSearchParams({data: JSON.stringify(data)})));
      if (o.keyPath) {
        body = body[o.keyPath];
        if (!body || typeof body !== 'object') {
          throw new Failure(internalError, 'the answer of the host has no ' + o.keyPath);
        }
      }
      if (String(body.errno) !== '0') {
        const code = {401: notLoggedIn, 10003: userDeny, 10005: systemDeny}[body.errno] || internalError;
        throw new Failure(code, body.errmsg || body.msg || 'errno ' + body.errno);
      }
      return body;
    }

    // list reads all scopes: host name -> scope item.
    async function list() {
      const body = await request('/ma/update');
      return body.data.accredit.data.list;
    }

    // permit asks the user for a scope where that is not decided yet, and
    // writes the answer down; decided is the scope's item where it is known.
    async function permit(scope, item) {
      if (item && item.forbidden === 'true') {
        throw new Failure(systemDeny, 'system deny');
      }
      if (item && (item.permit === 'true' || item.tip_status === '1')) {
        return null;
      }
      if (item && item.tip_status === '-1') {
        throw new Failure(userDeny, 'auth deny');
      }
      return agreed(scope, await answer(scope, item && item.name));
    }

    // agreed writes an answer down and returns what came back with it.
    async function agreed(scope, a) {
      if (a === 'cancel') {
        throw new Failure(userDeny, 'cancel');
      }
      const path = scope === 'scope.userInfo' ? '/ma/accredit_data' : '/ma/accredit_v1';
      const said = {permit: a === 'agree' ? 'true' : 'false'};
      const body = await request(path, {accredits: {[scopes[scope]]: said}});
      if (a !== 'agree') {
        throw new Failure(userDeny, 'auth deny');
      }
      return body;
    }

    function hostScope(scope) {
      if (!Object.hasOwn(scopes, scope)) {
        throw new Failure(internalError, 'unknown scope ' + scope + '; expected one of ' + Object.keys(scopes).join(', '));
      }
      return scopes[scope];
    }

    // picked is the entry of a list that the user picks.
    async function picked(what, entries) {
      const a = await answer(what, entries);
      const entry = a === 'agree' ? entries[0]
        : a && a.id !== undefined ? entries.find(function (e) { return String(e.id) === String(a.id); })
        : entries[a];
      if (!entry) {
        throw new Failure(userDeny, 'cancel');
      }
      return entry;
    }

    async function settings() {
      const authSetting = {};
      const items = await list();
      for (const scope of Object.keys(scopes)) {
        const item = items[scopes[scope]];
        if (item && item.tip_status !== '0') {
          authSetting[scope] = item.tip_status === '1';
        }
      }
      return {authSetting};
    }

    function userInfo(opendata) {
      const u = opendata.userinfo || {};
      return {
        userInfo: {nickName: u.nickname, avatarUrl: u.headimgurl, gender: String(u.sex)},
        data: opendata.data,
        iv: opendata.iv,
      };
    }

    const calls = {
      async login() {
        let body = await request('/ma/login');
        if (!body.data.code) {
          if (await answer('login') !== 'agree') {
            throw new Failure(notLoggedIn, 'user not logged in');
          }
          huid = undefined; // whoever is the sandbox's user
          body = await request('/ma/login');
        }
        if (!body.data.code) {
          throw new Failure(notLoggedIn, 'user not logged in');
        }
        return {code: body.data.code};
      },

      async checkSession() {
        const body = await request('/ma/user/checksessionkey');
        if (!body.data.result) {
          throw new Failure(notLoggedIn, 'session expired');
        }
        return {};
      },

      async authorize(params) {
        const item = (await list())[hostScope(params.scope)];
        await permit(params.scope, item);
        return {};
      },

      async getSwanId() {
        const body = await request('/ma/user/swanid');
        return {errno: body.errno, data: {swanid: body.data.swanid}, errmsg: body.errmsg};
      },

      async getUserInfo() {
        let body = await request('/ma/open/data', {scope: 'snsapi_userinfo'});
        if (!body.data.opendata) {
          body = await permit('scope.userInfo', body.data.scope);
        }
        if (!body || !body.data.opendata) {
          throw new Failure(internalError, 'the host gives no data');
        }
        return userInfo(body.data.opendata);
      },

      async openSetting() {
        const a = await answer('openSetting');
        if (a && typeof a === 'object') {
          for (const scope of Object.keys(a)) {
            await request('/ma/accredit_v1', {accredits: {[hostScope(scope)]: {permit: String(Boolean(a[scope]))}}});
          }
        }
        return settings();
      },

      getSetting: settings,

      async chooseAddress() {
        await permit('scope.address', (await list())[scopes['scope.address']]);
        const a = await picked('chooseAddress', (await request('/ma/address')).data.list);
        return {
          userName: a.name, postalCode: a.zipcode, provinceName: a.l1.name, cityName: a.l2.name, countyName: a.l3.name,
          detailInfo: a.street, telNumber: a.phone,
        };
      },

      async chooseInvoiceTitle() {
        await permit('scope.invoiceTitle', (await list())[scopes['scope.invoiceTitle']]);
        const t = await picked('chooseInvoiceTitle', (await request('/ma/invoice/list')).data.list);
        return {
          type: String(t.type), title: t.title, taxNumber: t.tax_number, companyAddress: t.company_address,
          telephone: t.telephone, bankName: t.bank_name, bankAccount: t.bank_account,
        };
      },
    };

    // pay puts an order to the cashier and waits for what its user does there.
    async function pay(params) {
      const order = params.orderInfo || {};
      if (await answer('requestPolymerPayment', order) !== 'agree') {
        throw new Failure(userDeny, 'cancel');
      }
      const form = new URLSearchParams(order);
      if (params.bannedChannels && params.bannedChannels.length > 0) {
        form.set('bannedChannels', params.bannedChannels.join(','));
      }
      if (Number(huid) > 0) {
        form.set('huid', String(huid));
      }
      const query = '?' + new URLSearchParams({appKey: order.appKey, tpOrderId: order.tpOrderId});
      for (let body = await ask('/ma/pay/cashier', form); ; body = await ask('/ma/pay/query' + query)) {
        if (body.errno !== 0) {
          throw new Failure(internalError, body.msg || body.error_msg || 'errno ' + body.errno);
        }
        if (body.data.result === 'paid') {
          return {};
        }
        if (body.data.result !== 'pending') {
          throw new Failure(userDeny, body.data.result === 'cancelled' ? 'cancel' : body.data.reason || 'payment failed');
        }
        await new Promise(function (resolve) { root.setTimeout(resolve, pollEvery); });
      }
    }
    calls.requestPolymerPayment = pay;

    /*
     * api wraps a call as the platform's client does: success or fail, then
     * complete, all optional. Without any of them it returns a promise
     * (assumed).
     */
    function api(name) {
      return function (params) {
        const p = params || {};
        const listens = [p.success, p.fail, p.complete].some(function (f) { return typeof f === 'function'; });
        const done = calls[name](p).then(function (result) {
          return [p.success, Object.assign({errMsg: name + ':ok'}, result)];
        }, function (err) {
          const code = err instanceof Failure ? err.code : internalError;
          return [p.fail, {errCode: code, errMsg: name + ':fail ' + err.message}];
        });
        if (!listens) {
          return done.then(function (end) {
            if (end[1].errCode !== undefined) {
              throw Object.assign(new Error(end[1].errMsg), end[1]);
            }
            return end[1];
          });
        }
        done.then(function (end) {
          if (typeof end[0] === 'function') {
            end[0](end[1]);
          }
          if (typeof p.complete === 'function') {
            p.complete(end[1]);
          }
        });
      };
    }

    const swan = {};
    for (const name of Object.keys(calls)) {
      swan[name] = api(name);
    }

    // emu is what only the emulator has: the user's side of things.
    swan.emu = {
      // Page registers a page.
      Page: function (definition) {
        page = definition;
        return definition;
      },

      /*
       * share does what a tap on share does: from is menu (default) or button,
       * with the button as currentTarget. It returns what the page shares.
       * Cancelling calls fail on iOS and nothing on Android (seed 004).
       */
      share: async function (event) {
        if (!page || typeof page.onShareAppMessage !== 'function') {
          throw new Error('swan.js: no Page with onShareAppMessage');
        }
        const e = Object.assign({from: 'menu'}, event);
        const given = page.onShareAppMessage({from: e.from, currentTarget: e.from === 'button' ? e.currentTarget : undefined}) || {};
        const call = function (name, result) {
          if (typeof given[name] === 'function') {
            given[name](result);
          }
        };
        const end = function (name, result) {
          call(name, result);
          call('complete', result);
        };
        const path = given.path === undefined ? '/' : String(given.path);
        if (!path.startsWith('/')) {
          end('fail', {errCode: internalError, errMsg: 'shareAppMessage:fail path must begin with /'});
        } else if (await answer('share', given) === 'agree') {
          end('success', {errMsg: 'shareAppMessage:ok'});
        } else if (o.platform === 'ios') {
          end('fail', {errCode: userDeny, errMsg: 'shareAppMessage:fail cancel'});
        }
        return {title: given.title, content: given.content, imageUrl: given.imageUrl, path};
      },
    };
    return swan;
  };
});
