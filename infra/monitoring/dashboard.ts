/** The dashboard for Grafana, built with Grafana's own library. */
import { DashboardBuilder, DatasourceVariableBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as LinesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { type Panel, type Row, rowsOf } from './panels.ts'

/** Grafana's grid has 24 columns. */
const COLUMNS = 24
const STAT_HEIGHT = 4
const LINES_HEIGHT = 8
/** Grafana accepts no longer `uid` than this. */
const MAX_UID = 40

const SOURCE = { type: 'prometheus', uid: '$datasource' }

/**
 * The JSON of the dashboard.
 *
 * @param namespace of the stack; dashboards of several stacks stand beside each other
 */
export function dashboard(namespace: string): string {
  const board = new DashboardBuilder(`Registry ${namespace}`)
    .uid(`registry-${namespace}`.slice(0, MAX_UID))
    .description(
      'Pushes, pulls and tokens of passwordless-registry. Made by its Pulumi program: changes here are lost.',
    )
    .tags(['passwordless-registry'])
    .readonly()
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
  for (const row of rowsOf(namespace)) {
    board.withRow(new RowBuilder(row.title))
    for (const panel of row.panels) board.withPanel(panelOf(row, panel))
  }
  return JSON.stringify(board.build(), null, 1)
}

function panelOf({ kind, panels }: Row, { title, description, unit, queries }: Panel) {
  const span = Math.floor(COLUMNS / Math.min(panels.length, kind === 'stat' ? panels.length : 2))
  const panel =
    kind === 'stat'
      ? new StatBuilder().height(STAT_HEIGHT)
      : new LinesBuilder().height(LINES_HEIGHT).min(0).fillOpacity(10)
  panel.span(span).title(title).description(description).unit(unit).datasource(SOURCE)
  for (const { expr, legend } of queries) {
    panel.withTarget(new DataqueryBuilder().expr(expr).legendFormat(legend).datasource(SOURCE))
  }
  return panel
}
