//! Contracts drawn as diagrams: SVG that stands alone or in a page, without scripts, in the colour of the text around it.
//!
//! States are boxes; the start has a thick border. A state stands as far to the right as messages lead there at least, and
//! has all the height that it takes for itself, so that neither boxes nor names cover each other. One arrow goes from a
//! state to another for all messages that lead there. `?` marks what the server receives and `!` what it sends, as in the
//! diagrams of the stock contracts; arrows of the server are dashed. The same contract always gives the same picture.
#![forbid(unsafe_code)]

mod layout;

use std::fmt::Write;

use layout::{Layout, Line};

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
    /// The states' names, the start first and `End` last. One that no message leads to is not drawn, but for the start.
    pub states: Vec<String>,
    /// Every step of every message.
    pub arrows: Vec<Arrow>,
}

/// Width of a letter and height of a line of text, in pixels.
const LETTER: usize = 7;
const LINE: usize = 14;

impl Diagram {
    /// The picture.
    pub fn svg(&self) -> String {
        let layout = Layout::of(self);
        let (width, height) = layout.size;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{0}\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto\" color=\"inherit\" \
             font-family=\"monospace\" font-size=\"12\"><title>{0}</title>",
            escape(&self.title)
        );
        for line in &layout.lines {
            draw_line(&mut svg, line);
        }
        for name in &layout.names {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" fill=\"currentColor\">{}</text>",
                name.at.0,
                name.at.1,
                name.anchor,
                escape(&name.text)
            );
        }
        for (state, place) in layout.places.iter().enumerate() {
            let Some(place) = place else { continue };
            let thick = if state == 0 { 2.5 } else { 1.0 };
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"none\" stroke=\"currentColor\" \
                 stroke-width=\"{thick}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
                place.left,
                place.top,
                place.width,
                place.height,
                place.left + place.width / 2,
                place.top + place.height / 2 + 4,
                escape(&self.states[state])
            );
        }
        svg + "</svg>"
    }
}

fn draw_line(svg: &mut String, line: &Line) {
    let ((x0, y0), (x1, y1)) = (line.from, line.to);
    let dashes = if line.sender == Sender::Server { " stroke-dasharray=\"5 3\"" } else { "" };
    let _ = write!(svg, "<path d=\"M{x0} {y0} L{x1} {y1}\" stroke=\"currentColor\"{dashes}/>");
    if line.head {
        // They all arrive at a side of a box.
        let back = if x0 < x1 { x1 - 7 } else { x1 + 7 };
        let _ = write!(
            svg,
            "<path d=\"M{x1} {y1} L{back} {} L{back} {} Z\" fill=\"currentColor\"/>",
            y1 - 3,
            y1 + 3
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
    fn a_state_that_nothing_leads_to_is_not_drawn() {
        let mut diagram = talk();
        diagram.arrows.retain(|arrow| arrow.to != 2);
        assert!(!diagram.svg().contains(">End<"));
        diagram.arrows.clear();
        assert!(diagram.svg().contains(">Idle<"));
    }
}
