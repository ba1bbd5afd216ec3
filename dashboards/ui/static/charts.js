// A chart that has the size of its box is not drawn again, and names beside bars use the width that it has.
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
  const drawn = new Set();
  // A canvas does not take up a face that arrives after it was drawn.
  document.fonts.addEventListener("loadingdone", ({fontfaces}) => {
    if (fontfaces.some((face) => face.family.includes("Fin "))) {
      drawn.forEach((chart) => chart.isDisposed() ? drawn.delete(chart) : chart.resize({}));
    }
  });
  echarts.init = (...given) => {
    const chart = init(...given);
    const resize = chart.resize.bind(chart);
    const setOption = chart.setOption.bind(chart);
    let named = null;
    const isWide = (option) => chart.getWidth() >= option.names.from;
    chart.setOption = (option, ...rest) => {
      if (!option.names) {
        return setOption(option, ...rest);
      }
      const wide = isWide(option);
      const [letters, left] = wide ? option.names.wide : option.names.narrow;
      const axisLabel = {...option.yAxis.axisLabel, formatter: window.fin.charts.twoLines(letters)};
      const {names, ...drawn} = {...option, grid: {...option.grid, left: left + 8}, yAxis: {...option.yAxis, axisLabel}};
      named = {given: [option, ...rest], wide};
      return setOption(drawn, ...rest);
    };
    chart.resize = (...options) => {
      const box = chart.getDom();
      if (options.length || box.clientWidth !== chart.getWidth() || box.clientHeight !== chart.getHeight()) {
        resize(...options);
        if (named && named.wide !== isWide(named.given[0])) {
          chart.setOption(...named.given);
        }
      }
    };
    drawn.add(chart);
    return chart;
  };
});
