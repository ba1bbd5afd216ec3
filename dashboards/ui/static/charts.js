// A chart that has the size of its box is not drawn again.
//
// Panel asks every chart to take a new size after each layout of the page, and ECharts then draws all of it, changed or
// not: several times while a page opens.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const echarts = window.echarts;
  if (!echarts) {
    return;
  }
  const init = echarts.init;
  echarts.init = (...given) => {
    const chart = init(...given);
    const resize = chart.resize.bind(chart);
    chart.resize = (...options) => {
      const box = chart.getDom();
      if (options.length || box.clientWidth !== chart.getWidth() || box.clientHeight !== chart.getHeight()) {
        resize(...options);
      }
    };
    return chart;
  };
});
