//! The chart of what walls cost.

use crate::bench::walls::{OTHERS, PAYLOADS, Walls};
use anyhow::{Result, anyhow};
use plotters::prelude::*;

const SIZE: (u32, u32) = (960, 460);
/// Instructions at the left and at the right; the scale is logarithmic.
const SCALE: std::ops::Range<f64> = 100.0..30_000.0;
/// What is drawn of each pair: as it is reported, and as it stands in the table.
const DRAWN: [&str; 4] = ["words0", "words10", "pages1", "pages256"];

/// A group of bars, one below the other: what it is, and each bar's payload and instructions.
type Group = (String, Vec<(&'static str, u64)>);

fn groups(walls: &Walls) -> Vec<Group> {
    let words = |what: &str| PAYLOADS.iter().find(|(known, _)| *known == what).map_or("", |(_, words)| words);
    let own = walls.0.iter().map(|(pair, trips)| {
        let bars = DRAWN.iter().map(|what| (words(what), trips[*what]));
        (pair.name.to_owned(), bars.collect())
    });
    let mut all: Vec<Group> = own.collect();
    for (name, payload, instructions) in OTHERS {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, bars)) => bars.push((payload, instructions)),
            None => all.push((name.to_owned(), vec![(payload, instructions)])),
        }
    }
    all
}

/// Draws the chart, as SVG.
///
/// # Errors
/// When the library fails.
pub(super) fn draw(walls: &Walls) -> Result<String> {
    let groups = groups(walls);
    let rows: usize = groups.iter().map(|(_, bars)| bars.len() + 1).sum();
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    fill(&area, &groups, rows).map_err(|error| anyhow!("{error}"))?;
    drop(area);
    Ok(svg)
}

type Drawing<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn fill(
    area: &Drawing<'_>,
    groups: &[Group],
    rows: usize,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption("Instructions of a round trip", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(210)
        .build_cartesian_2d(SCALE.log_scale(), 0.0..rows as f64)?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().y_labels(0).draw()?;
    let mut row = rows as f64;
    for (place, (name, bars)) in groups.iter().enumerate() {
        let colour = Palette99::pick(place).mix(0.8);
        for (number, (payload, instructions)) in bars.iter().enumerate() {
            row -= 1.0;
            let (end, middle) = (*instructions as f64, row + 0.5);
            let bar = Rectangle::new([(SCALE.start, row + 0.1), (end, row + 0.9)], colour.filled());
            chart.draw_series([bar])?;
            let label = format!("{instructions}");
            let font = ("sans-serif", 12).into_font();
            chart.draw_series([Text::new(label, (end * 1.03, middle + 0.4), font.clone())])?;
            let (x, y) = chart.backend_coord(&(SCALE.start, middle));
            let left = if number == 0 { format!("{name}: {payload}") } else { (*payload).to_owned() };
            let style = font.color(&BLACK).pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Right,
                plotters::style::text_anchor::VPos::Center,
            ));
            area.draw_text(&left, &style, (x - 6, y))?;
        }
        row -= 1.0;
    }
    area.present()
}
