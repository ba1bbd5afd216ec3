'use strict';
(function () {
  var english = document.documentElement.lang === 'en';
  var words = english
    ? { title: 'Cookie Use', text: 'This test site asks before it sets a cookie, as the real one does.', accept: 'Accept',
        decline: 'Decline', bad: 'Enter the date as yyyy/mm/dd.', set: 'SET', close: 'Close' }
    : { title: '使用 Cookie', text: '本測試網站與真實網站一樣，會先徵求同意。', accept: '接受', decline: '拒絕',
        bad: '請以 yyyy/mm/dd 輸入日期。', set: '設定', close: '關閉' };

  function make(tag, attributes, text) {
    var element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    if (text) { element.textContent = text; }
    return element;
  }

  function showBanner() {
    if (document.cookie.indexOf('OptanonAlertBoxClosed=') >= 0) { return; }
    var sdk = make('div', { id: 'onetrust-consent-sdk' });
    sdk.appendChild(make('div', { 'class': 'onetrust-pc-dark-filter' }));
    var banner = make('div', { id: 'onetrust-banner-sdk', 'class': 'otFlat bottom', role: 'region', 'aria-label': words.title });
    banner.appendChild(make('h2', { id: 'onetrust-policy-title' }, words.title));
    banner.appendChild(make('p', { id: 'onetrust-policy-text' }, words.text));
    var group = make('div', { id: 'onetrust-button-group' });
    [['onetrust-reject-all-handler', words.decline], ['onetrust-accept-btn-handler', words.accept]].forEach(function (pair) {
      var button = make('button', { id: pair[0], type: 'button' }, pair[1]);
      button.addEventListener('click', function () {
        document.cookie = 'OptanonAlertBoxClosed=' + new Date().toISOString() + '; path=/; max-age=31536000; SameSite=Lax';
        sdk.remove();
      });
      group.appendChild(button);
    });
    banner.appendChild(group);
    sdk.appendChild(banner);
    document.body.appendChild(sdk);
  }

  function showAlert(text) {
    if (!text) { return; }
    var old = document.querySelector('.alert-box');
    if (old) { old.remove(); }
    var box = make('div', { 'class': 'alert-box', role: 'alert' }, text);
    var form = document.getElementById('form1');
    form.parentNode.insertBefore(box, form);
  }

  window.sdwCheckDate = function (value) {
    var good = /^\d{4}\/\d{2}\/\d{2}$/.test(value);
    if (!good) { showAlert(words.bad); }
    return good;
  };

  function search() {
    var button = document.getElementById('btnSearch');
    if (button.tagName === 'A') { window.__doPostBack('btnSearch', ''); } else { button.click(); }
  }

  function datePicker(field) {
    function numbers(from, to) { var all = []; for (var n = from; n <= to; n += 1) { all.push(n); } return all; }
    field.addEventListener('click', function () {
      if (document.getElementById('date-picker')) { return; }
      var now = field.value.split('/').map(Number);
      var box = make('section', { id: 'date-picker', role: 'dialog', 'aria-label': words.set });
      var top = Number(document.getElementById('today').value.slice(0, 4));
      var parts = [['year', numbers(2017, top)], ['month', numbers(1, 12)], ['day', numbers(1, 31)]].map(function (part, i) {
        var select = make('select', { 'class': part[0], 'aria-label': part[0] });
        part[1].forEach(function (n) {
          var option = make('option', { value: n }, String(n).padStart(2, '0'));
          option.selected = n === now[i];
          select.appendChild(option);
        });
        box.appendChild(select);
        return select;
      });
      var set = make('button', { id: 'set-btn', type: 'button', 'class': 'btn-blue' }, words.set);
      set.addEventListener('click', function () {
        field.value = parts.map(function (select) { return String(select.value).padStart(2, '0'); }).join('/');
        box.remove();
      });
      var close = make('button', { type: 'button', 'class': 'btn-clearall' }, words.close);
      close.addEventListener('click', function () { box.remove(); });
      box.appendChild(set);
      box.appendChild(close);
      field.parentNode.appendChild(box);
    });
  }

  function start() {
    var form = document.getElementById('form1');
    if (!form) { return; }
    showBanner();
    showAlert((document.getElementById('alertMsg') || {}).value);
    var link = document.querySelector('a#btnSearch');
    if (link) {
      link.addEventListener('click', search);
      link.addEventListener('keydown', function (event) { if (event.key === 'Enter') { search(); } });
      form.addEventListener('submit', function () { form.__EVENTTARGET.value = 'btnSearch'; });
    }
    var clear = document.querySelector('.filter__btn-clearallFilters-js');
    if (clear) {
      clear.addEventListener('click', function (event) {
        event.preventDefault();
        form.querySelectorAll('input[type=text]:not([readonly])').forEach(function (field) { field.value = ''; });
      });
    }
    document.querySelectorAll('input[readonly].input-searchDate').forEach(datePicker);
    document.querySelectorAll('th[data-sort-by]').forEach(function (head) {
      head.addEventListener('click', function () {
        var by = document.getElementById('sortBy'), direction = document.getElementById('sortDirection');
        var same = by.value === head.dataset.sortBy;
        direction.value = same ? (direction.value === 'asc' ? 'desc' : 'asc') : head.dataset.sortDirDefault;
        by.value = head.dataset.sortBy;
        search();
      });
    });
  }

  start();
})();
