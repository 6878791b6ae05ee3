/*
 * What a mini program does with swan.js, for a browser and for Node. play runs
 * one call after the other and returns what each of them told its callbacks, as
 * texts; server asks the mini program's own.
 */
async function play(create, options, orders, server) {
  const told = {};

  // call makes a call as the documents' examples do and notes its callbacks.
  function call(swan, name, params) {
    return new Promise(function (resolve) {
      const said = [];
      swan[name](Object.assign({}, params, {
        success: function (res) { said.push(['success', res]); },
        fail: function (err) { said.push(['fail', err]); },
        complete: function () { said.push(['complete']); resolve(said); },
      }));
    });
  }

  // note keeps the outcome of a call under a name.
  async function note(name, swan, what, params, show) {
    const said = await call(swan, what, params);
    const result = said[0][1];
    told[name] = said.map(function (one) { return one[0]; }).join(', ') + ': ' +
      (said[0][0] === 'fail' ? result.errCode + ' ' + result.errMsg : result.errMsg + (show ? ' ' + show(result) : ''));
    return result;
  }

  const json = JSON.stringify;
  const swan = create(options);

  // Login and the session.
  const login = await note('login', swan, 'login', {}, function (res) { return typeof res.code; });
  await server('/exchange?code=' + encodeURIComponent(login.code));
  await note('checkSession', swan, 'checkSession');
  await server('/expire');
  await note('checkSession, expired', swan, 'checkSession');
  await server('/exchange?code=' + encodeURIComponent((await swan.login()).code));

  // Leave: asked for once, refused, and what the settings say of it.
  await note('authorize', swan, 'authorize', {scope: 'scope.userLocation'});
  await note('authorize again', swan, 'authorize', {scope: 'scope.userLocation'});
  await note('authorize what is refused', create(Object.assign({}, options, {answers: 'refuse'})), 'authorize', {scope: 'scope.camera'});
  await note('authorize what nobody knows', swan, 'authorize', {scope: 'scope.nothing'});
  await note('getSetting', swan, 'getSetting', {}, function (res) { return json(res.authSetting); });
  await note('openSetting', create(Object.assign({}, options, {answers: {openSetting: {'scope.userLocation': false}}})), 'openSetting', {},
    function (res) { return json(res.authSetting); });

  // The user.
  await note('getSwanId', swan, 'getSwanId', {}, function (res) { return res.data.swanid.length > 0; });
  await note('getUserInfo', swan, 'getUserInfo', {}, function (res) {
    return json(Object.keys(res).sort()) + ' ' + res.userInfo.nickName;
  });
  await note('chooseAddress', swan, 'chooseAddress', {}, function (res) {
    return [res.userName, res.postalCode, res.provinceName, res.cityName, res.countyName, res.detailInfo, res.telNumber].join('|');
  });
  await note('chooseAddress, cancelled', create(Object.assign({}, options, {answers: 'cancel'})), 'chooseAddress');
  await note('chooseInvoiceTitle', swan, 'chooseInvoiceTitle', {}, function (res) {
    return [res.type, res.title, res.taxNumber, res.companyAddress, res.telephone, res.bankName, res.bankAccount].join('|');
  });

  // The cashier.
  await note('requestPolymerPayment', swan, 'requestPolymerPayment', {orderInfo: orders.good});
  await note('requestPolymerPayment, cancelled', create(Object.assign({}, options, {answers: 'cancel'})), 'requestPolymerPayment', {orderInfo: orders.other});
  await note('requestPolymerPayment, forged', swan, 'requestPolymerPayment', {orderInfo: orders.forged});

  // Sharing: what is cancelled fails on iOS only.
  for (const platform of ['android', 'ios']) {
    for (const answers of ['agree', 'cancel']) {
      const client = create(Object.assign({}, options, {platform, answers}));
      const said = [];
      client.emu.Page({
        onShareAppMessage: function () {
          return {
            title: '智能小程序示例',
            content: '世界很复杂,百度更懂你',
            path: '/pages/openShare/openShare?key=value',
            success: function () { said.push('success'); },
            fail: function (err) { said.push('fail ' + err.errMsg); },
            complete: function () { said.push('complete'); },
          };
        },
      });
      const shared = await client.emu.share();
      told['share on ' + platform + ', ' + answers] = shared.path + ' ' + said.join(', ');
    }
  }

  // Without callbacks there are promises.
  told.promise = (await swan.getSwanId()).errMsg;
  told.rejected = await swan.authorize({scope: 'x'}).catch(function (err) { return err.errMsg; });
  return told;
}

if (typeof module === 'object' && module.exports) {
  module.exports = play;
}
