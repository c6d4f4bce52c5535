//! Contracts drawn as diagrams: SVG that stands alone or in a page, without scripts, in the colour of the text around it.
//!
//! States are boxes in columns, by the number of messages that lead there at least; the start has a thick border. One
//! arrow goes from a state to another for all messages that lead there. `?` marks what the server receives and `!` what
//! it sends, as in the diagrams of the stock contracts; arrows of the server are dashed. The same contract always
//! gives the same picture.
#![forbid(unsafe_code)]

use std::fmt::Write;

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// One step of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Index of the state in which it is sent.
    pub from: usize,
    /// Index of the state that follows.
    pub to: usize,
    /// The message's name.
    pub label: String,
    /// Who sends it.
    pub sender: Sender,
}

/// A contract, as far as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    /// Its name.
    pub title: String,
    /// The states' names, the start first and `End` last.
    pub states: Vec<String>,
    /// Every step of every message.
    pub arrows: Vec<Arrow>,
}

/// All steps from one state to another.
struct Edge<'a> {
    from: usize,
    to: usize,
    arrows: Vec<&'a Arrow>,
}

/// Width of a letter, height of a line of text, height of a box, and the least distance of boxes, in pixels.
const LETTER: usize = 7;
const LINE: usize = 14;
const BOX: usize = 28;
const GAP: usize = 44;

impl Diagram {
    /// The picture.
    pub fn svg(&self) -> String {
        let edges = self.edges();
        let columns = self.columns();
        let label =
            |edge: &Edge<'_>| edge.arrows.iter().map(|arrow| arrow.label.len() + 1).max().unwrap_or(0);
        let box_width = self.states.iter().map(String::len).max().unwrap_or(0) * LETTER + 20;
        let column_width = box_width + edges.iter().map(label).max().unwrap_or(0) * LETTER + GAP;
        // Room above and below a box for the labels of the arrows that leave or enter it.
        let lines = edges.iter().map(|edge| edge.arrows.len()).max().unwrap_or(1);
        let row_height = BOX + 2 * lines * LINE + GAP;
        let mut places = vec![(0, 0); self.states.len()];
        let mut filled = Vec::new();
        for (state, column) in columns.iter().enumerate() {
            filled.resize(filled.len().max(column + 1), 0);
            places[state] = (10 + column * column_width, row_height / 2 + filled[*column] * row_height);
            filled[*column] += 1;
        }
        let width = 20 + filled.len().saturating_sub(1) * column_width + box_width + column_width - box_width;
        let height = filled.iter().max().unwrap_or(&1) * row_height;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{0}\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto\" color=\"inherit\" \
             font-family=\"monospace\" font-size=\"12\"><title>{0}</title>",
            escape(&self.title)
        );
        for edge in &edges {
            draw_edge(&mut svg, edge, &places, box_width);
        }
        for (state, name) in self.states.iter().enumerate() {
            let (x, y) = places[state];
            let thick = if state == 0 { 2.5 } else { 1.0 };
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{}\" width=\"{box_width}\" height=\"{BOX}\" rx=\"6\" fill=\"none\" \
                 stroke=\"currentColor\" stroke-width=\"{thick}\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
                y - BOX / 2,
                x + box_width / 2,
                y + 4,
                escape(name)
            );
        }
        svg + "</svg>"
    }

    /// The steps by the states that they connect, in the order of the first of each.
    fn edges(&self) -> Vec<Edge<'_>> {
        let mut edges: Vec<Edge<'_>> = Vec::new();
        for arrow in &self.arrows {
            match edges.iter_mut().find(|edge| (edge.from, edge.to) == (arrow.from, arrow.to)) {
                Some(edge) => edge.arrows.push(arrow),
                None => edges.push(Edge { from: arrow.from, to: arrow.to, arrows: vec![arrow] }),
            }
        }
        edges
    }

    /// Each state's distance from the start; what is not reached stands in the first column.
    fn columns(&self) -> Vec<usize> {
        let mut columns = vec![None; self.states.len()];
        let mut queue = vec![0];
        if let Some(start) = columns.first_mut() {
            *start = Some(0);
        }
        let mut next = 0;
        while let Some(&state) = queue.get(next) {
            next += 1;
            for arrow in self.arrows.iter().filter(|arrow| arrow.from == state) {
                if columns[arrow.to].is_none() {
                    columns[arrow.to] = columns[state].map(|column| column + 1);
                    queue.push(arrow.to);
                }
            }
        }
        columns.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// Draws an arrow with its labels: forwards above the boxes' middles, backwards below, to the same state in an arc on top.
fn draw_edge(svg: &mut String, edge: &Edge<'_>, places: &[(usize, usize)], box_width: usize) {
    let [width, half, line] = [box_width as i64, BOX as i64 / 2, LINE as i64];
    let at = |state: usize| (places[state].0 as i64, places[state].1 as i64);
    let ((x0, y0), (x1, y1)) = (at(edge.from), at(edge.to));
    let lines = edge.arrows.len() as i64;
    // Start, control and end of the curve; where the first label stands; the direction in which it arrives.
    let (start, control, end, text) = if edge.from == edge.to {
        let middle = x0 + width / 2;
        let top = y0 - half;
        ((middle - 14, top), (middle, top - 36), (middle + 14, top), (middle, top - 22 - (lines - 1) * line))
    } else if x0 < x1 {
        let (from, to) = ((x0 + width, y0 - 6), (x1, y1 - 6));
        let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2 - 14);
        (from, middle, to, (middle.0, middle.1 - 2 - (lines - 1) * line))
    } else if x0 > x1 {
        let (from, to) = ((x0, y0 + 6), (x1 + width, y1 + 6));
        let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2 + 14);
        (from, middle, to, (middle.0, middle.1 + line - 2))
    } else {
        // In one column: around the right side.
        let (from, to) = ((x0 + width, y0), (x1 + width, y1));
        let middle = (from.0 + 30, (from.1 + to.1) / 2);
        (from, middle, to, (middle.0 + 20, middle.1))
    };
    let dashes = if edge.arrows[0].sender == Sender::Server { " stroke-dasharray=\"5 3\"" } else { "" };
    let _ = write!(
        svg,
        "<path d=\"M{} {} Q{} {} {} {}\" fill=\"none\" stroke=\"currentColor\"{dashes}/>",
        start.0, start.1, control.0, control.1, end.0, end.1
    );
    // The head: a triangle in the direction of the curve's last part.
    let (dx, dy) = ((end.0 - control.0) as f64, (end.1 - control.1) as f64);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length * 7.0, dy / length * 7.0);
    let (x, y) = (end.0 as f64, end.1 as f64);
    let _ = write!(
        svg,
        "<path d=\"M{x:.0} {y:.0} L{:.1} {:.1} L{:.1} {:.1} Z\" fill=\"currentColor\"/>",
        x - ux + uy / 2.0,
        y - uy - ux / 2.0,
        x - ux - uy / 2.0,
        y - uy + ux / 2.0
    );
    for (number, arrow) in edge.arrows.iter().enumerate() {
        let mark = if arrow.sender == Sender::Client { '?' } else { '!' };
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"currentColor\">{mark}{}</text>",
            text.0,
            text.1 + number as i64 * line,
            escape(&arrow.label)
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk() -> Diagram {
        let arrow = |from, to, label: &str, sender| Arrow { from, to, label: label.into(), sender };
        Diagram {
            title: "Talk".into(),
            states: ["Idle", "Asked", "End"].map(String::from).into(),
            arrows: vec![
                arrow(0, 1, "Ask", Sender::Client),
                arrow(1, 0, "Answer", Sender::Server),
                arrow(1, 0, "Refuse", Sender::Server),
                arrow(0, 0, "Note", Sender::Client),
                arrow(0, 2, "Leave", Sender::Client),
            ],
        }
    }

    #[test]
    fn every_state_and_message_is_in_the_picture() {
        let svg = talk().svg();
        for text in [">Idle<", ">Asked<", ">End<", ">?Ask<", ">!Answer<", ">!Refuse<", ">?Note<", ">?Leave<"]
        {
            assert_eq!(svg.matches(text).count(), 1, "{text}");
        }
    }

    #[test]
    fn a_picture_is_one_line_of_svg_without_colours_of_its_own() {
        let svg = talk().svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains('\n'));
        assert!(!svg.contains('#') && !svg.contains("<script"));
        assert_eq!(svg, talk().svg());
    }

    #[test]
    fn states_do_not_cover_each_other() {
        let svg = talk().svg();
        let mut places: Vec<&str> =
            svg.split("<rect ").skip(1).map(|rest| &rest[..rest.find(" width").expect("a width")]).collect();
        let all = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!((places.len(), all), (3, 3));
    }
}
