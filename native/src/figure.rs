//! Figures as SVG, with their data as CSV.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

/// Width and height in pixels, without a key beside the picture.
const SIZE: (u32, u32) = (440, 280);

/// Width of a key beside the picture, for more curves than a key inside it leaves room for.
const KEY: u32 = 200;
const MOST_INSIDE: usize = 3;

/// Colours that differ for colour-blind eyes too (Okabe and Ito).
pub(crate) const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(90, 90, 90),
    RGBColor(160, 130, 0),
];

/// One line of a figure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Curve {
    pub(crate) name: String,
    /// x, y, and the half-width of the band around y (0 for none).
    pub(crate) points: Vec<(f64, f64, f64)>,
}

impl Curve {
    /// A line without a band; values that are not finite are left out.
    pub(crate) fn line(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(_, y)| y.is_finite()).map(|(x, y)| (x, y, 0.0)).collect();
        Self { name: name.into(), points }
    }
}

/// Lines over a common axis.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) caption: String,
    pub(crate) curves: Vec<Curve>,
    /// What values can be at all: bands end there.
    bounds: (f64, f64),
}

impl Figure {
    /// The figure without curves of fewer than two points; `None` if none is left.
    pub(crate) fn new(caption: impl Into<String>, mut curves: Vec<Curve>) -> Option<Self> {
        curves.retain(|curve| curve.points.len() > 1);
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        (!curves.is_empty()).then(|| Self { caption: caption.into(), curves, bounds })
    }

    /// The figure of values that cannot leave `low..=high`.
    pub(crate) fn within(self, low: f64, high: f64) -> Self {
        Self { bounds: (low, high), ..self }
    }

    /// Both edges of the band at a point.
    fn band(&self, (_, y, half_width): &(f64, f64, f64)) -> [f64; 2] {
        let (low, high) = self.bounds;
        [(y - half_width).max(low), (y + half_width).min(high)]
    }

    /// A name for files.
    pub(crate) fn slug(&self) -> String {
        self.caption.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    }

    /// One row per point.
    pub(crate) fn csv(&self) -> String {
        let mut text = String::from("curve,x,y,half_width\n");
        for curve in &self.curves {
            let name = curve.name.replace('"', "\"\"");
            for (x, y, half_width) in &curve.points {
                let _ = writeln!(text, "\"{name}\",{x},{y},{half_width}");
            }
        }
        text
    }

    /// The picture.
    pub(crate) fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        let key = if self.has_key_beside() { KEY } else { 0 };
        let area = SVGBackend::with_string(&mut svg, (SIZE.0 + key, SIZE.1)).into_drawing_area();
        self.draw(&area).map_err(|error| anyhow!("{error}"))?;
        drop(area);
        Ok(svg)
    }

    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn std::error::Error>> {
        area.fill(&WHITE)?;
        let (plot, key) = area.split_horizontally(SIZE.0);
        let has_key_inside = self.curves.len() > 1 && !self.has_key_beside();
        if self.has_key_beside() {
            self.key(&key)?;
        }
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let x = range(points().map(|point| point.0));
        let y = range(points().flat_map(|point| self.band(point)));
        let mut chart = ChartBuilder::on(&plot)
            .caption(&self.caption, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(26)
            .y_label_area_size(52)
            .build_cartesian_2d(x, y)?;
        chart.configure_mesh().light_line_style(WHITE).x_labels(6).y_labels(6).draw()?;
        for (curve, colour) in self.curves.iter().zip(COLOURS.iter().cycle()) {
            if curve.points.iter().any(|point| point.2 > 0.0) {
                let upper = curve.points.iter().map(|point| (point.0, self.band(point)[1]));
                let lower = curve.points.iter().rev().map(|point| (point.0, self.band(point)[0]));
                chart.draw_series([Polygon::new(upper.chain(lower).collect::<Vec<_>>(), colour.mix(0.15))])?;
            }
        }
        for (curve, colour) in self.curves.iter().zip(COLOURS.iter().cycle()) {
            let line = curve.points.iter().map(|(x, y, _)| (*x, *y));
            let series = chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
            if has_key_inside {
                series
                    .label(&curve.name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
            }
        }
        if has_key_inside {
            let labels = &mut chart.configure_series_labels();
            labels.border_style(BLACK.mix(0.3)).background_style(WHITE.mix(0.8)).draw()?;
        }
        area.present()?;
        Ok(())
    }

    fn has_key_beside(&self) -> bool {
        self.curves.len() > MOST_INSIDE
    }

    /// Colours and names, one below the other.
    fn key(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn std::error::Error>> {
        for ((curve, colour), row) in self.curves.iter().zip(COLOURS.iter().cycle()).zip(0..) {
            let y = 40 + 20 * row;
            area.draw(&PathElement::new([(4, y), (18, y)], colour.stroke_width(2)))?;
            area.draw(&Text::new(curve.name.as_str(), (24, y - 7), ("sans-serif", 13)))?;
        }
        Ok(())
    }
}

fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let margin = ((high - low) * 0.05).max(1e-6);
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_a_picture_and_its_data() {
        let curve = Curve { name: "a \"b\"".into(), points: vec![(0.0, 1.0, 0.5), (1.0, 2.0, 0.5)] };
        let single = Curve::line("one point", [(0.0, 0.0), (1.0, f64::NAN)]);
        let figure = Figure::new("Accuracy, by update", vec![curve, single]).unwrap();
        assert_eq!(figure.curves.len(), 1);
        assert_eq!(figure.slug(), "accuracy--by-update");
        assert!(figure.svg().unwrap().contains("<svg") && figure.svg().unwrap().contains("polygon"));
        assert_eq!(figure.csv().lines().nth(1), Some("\"a \"\"b\"\"\",0,1,0.5"));
        assert_eq!(figure.clone().within(0.75, 1.25).band(&(0.0, 1.0, 0.5)), [0.75, 1.25]);
        assert!(Figure::new("nothing", vec![Curve::default()]).is_none());
    }
}
