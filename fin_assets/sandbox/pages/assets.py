"""Style, script and icon of the embedded site, served by itself: nothing is asked for from outside."""

from __future__ import annotations

from typing import Final

SCRIPT: Final = r"""
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
"""

STYLE: Final = """
:root { --navy: #12355b; --line: #d8dee6; --ink: #1d2733; --soft: #f4f6f9; --blue: #1565a9; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, "Noto Sans TC", "Noto Sans CJK TC", sans-serif; color: var(--ink); background: #fff; }
.container { max-width: 1180px; margin: 0 auto; padding: 0 16px; }
.plain { padding-top: 32px; padding-bottom: 32px; }
.topbar { background: var(--navy); color: #fff; }
.topbar__container { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; padding: 12px 16px; }
.topbar__logo { font-weight: 600; }
.topbar__nav { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0; padding: 0; flex: 1; }
.topbar a { color: #fff; text-decoration: none; }
.topbar a:hover { text-decoration: underline; }
h1.banner__pageheading { font-size: 24px; margin: 20px auto 8px; }
.section-panel, .search-component { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: 12px 16px; }
.filter__inputGroup ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: end; }
.filter__container-ccass-mutual-market { display: flex; gap: 16px; align-items: end; flex-wrap: wrap; }
.form-input-text { position: relative; display: flex; flex-direction: column; gap: 3px; }
.form-input-text label { font-size: 12px; color: #5a6675; }
input[type=text] { font: inherit; padding: 6px 9px; border: 1px solid #aeb9c6; border-radius: 4px; min-width: 140px; background: #fff; }
input[readonly] { cursor: pointer; }
.filter__buttonGroup { display: flex; gap: 14px; align-items: center; margin-top: 6px; }
.btn-blue, #onetrust-button-group button { font: inherit; background: var(--blue); color: #fff; border: 0; border-radius: 4px;
  padding: 7px 20px; cursor: pointer; text-decoration: none; }
.btn-clearall { font: inherit; background: none; border: 0; color: var(--blue); cursor: pointer; }
.reminder { font-size: 13px; color: var(--blue); }
#date-picker { position: absolute; top: 100%; left: 0; z-index: 5; background: #fff; border: 1px solid var(--line); padding: 10px;
  border-radius: 6px; display: flex; gap: 6px; box-shadow: 0 6px 20px rgb(0 0 0 / 18%); }
.ccass-heading { font-size: 18px; margin: 24px 0 12px; }
.search-details-table-container { overflow-x: auto; }
.table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.table th, .table td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
.table thead th { position: sticky; top: 0; background: var(--navy); color: #fff; font-weight: 500; }
.table th[data-sort-by] { cursor: pointer; }
.table tbody tr:hover { background: var(--soft); }
.table .col-shareholding, .table .col-shareholding-percent { text-align: right; }
.mobile-list-heading, .page-list-mobile-toolbar { display: none; }
.ccass-search-headerrow, .ccass-search-datarow { display: grid; grid-template-columns: 2fr 1fr 1fr 1fr; gap: 8px; padding: 6px 10px;
  border-bottom: 1px solid var(--line); }
.ccass-search-headerrow { background: var(--navy); color: #fff; margin-top: 20px; }
.ccass-search-headerrow > :first-child { grid-column: 2; }
.ccass-search-datarow .header { display: none; }
.ccass-search-total { font-weight: 600; }
.ccass-search-remarks { display: flex; gap: 16px; padding: 8px 10px; }
.summary-header { color: #5a6675; }
.alert-box { max-width: 1148px; margin: 16px auto 0; padding: 10px 14px; background: #fff4d6; border: 1px solid #e0b94a; border-radius: 6px; }
.onetrust-pc-dark-filter { position: fixed; inset: 0; background: rgb(0 0 0 / 45%); z-index: 40; }
#onetrust-banner-sdk { position: fixed; left: 0; right: 0; bottom: 0; background: #fff; padding: 18px 24px; z-index: 50;
  box-shadow: 0 -4px 24px rgb(0 0 0 / 25%); }
#onetrust-banner-sdk h2 { margin: 0 0 4px; font-size: 17px; }
#onetrust-button-group { display: flex; gap: 12px; }
#onetrust-reject-all-handler { background: #6b7785 !important; }
footer { margin: 40px 0 0; padding: 16px 0; border-top: 1px solid var(--line); color: #5a6675; font-size: 13px; }
@media (max-width: 760px) {
  .table thead { display: none; }
  .table tbody tr { display: block; border-bottom: 2px solid var(--line); padding: 8px 0; }
  .table tbody td { display: flex; justify-content: space-between; gap: 12px; border: 0; padding: 2px 4px; text-align: left !important; }
  .mobile-list-heading { display: block; color: #5a6675; }
  .mobile-list-body { text-align: right; overflow-wrap: anywhere; }
  .ccass-search-headerrow { display: none; }
  .ccass-search-datarow { grid-template-columns: 1fr; }
  .ccass-search-datarow .header { display: inline; color: #5a6675; }
  .ccass-search-datarow > div > div { display: inline; margin-right: 8px; }
}
"""

ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#12355b"/>'
    '<path d="M3 12V8h2v4zm4 0V4h2v8zm4 0V6h2v6z" fill="#fff"/></svg>'
)

FILES: Final = {
    "ncms/script/main.js": ("text/javascript", SCRIPT),
    "ncms/css/main.css": ("text/css", STYLE),
    "ncms/images/favicon.svg": ("image/svg+xml", ICON),
}
"""Path below the site's root to (content type, text)."""
