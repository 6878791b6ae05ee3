// Shows one of the two contracts with Swagger UI. Whatever servers a contract
// names, calls go to the emulator that this page is from, and the page's policy
// lets the browser ask nobody else.
'use strict';

const platform = new URLSearchParams(location.search).get('api') === 'platform';
const control = new URL('.', location.href).pathname; // …/_emu/
const token = document.getElementById('token');

document.querySelectorAll('nav a')[platform ? 1 : 0].setAttribute('aria-current', 'page');

const ui = SwaggerUIBundle({
  url: platform ? 'openapi.yaml' : 'admin.yaml',
  domNode: document.getElementById('ui'),
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'list',
  displayOperationId: true,
  filter: true,
  tryItOutEnabled: true,
  requestInterceptor: request => {
    const url = new URL(request.url, location.href);
    request.url = location.origin + url.pathname + url.search;
    if (url.pathname.startsWith(control) && token.value !== '') {
      request.headers = {...request.headers, Authorization: 'Bearer ' + token.value};
    }
    return request;
  },
});

token.addEventListener('change', () => ui.specActions.download());
