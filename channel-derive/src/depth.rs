//! How many messages can be in flight.
//!
//! Let every state have one speaker and every cycle a message each way, or be a stream's loop: a message that leaves the
//! state as it is and has a window. A stream's message with window N is sent only while fewer than N messages, of
//! whatever kind, are in flight its way.
//!
//! **Claim:** the greatest number of messages in flight in one direction is the greater of
//!
//! 1. the length of the longest run of consecutive messages by that direction's sender, streams left out, and
//! 2. for each stream of that sender and each state in which it flows, its window and the longest such run from there.
//!
//! Proof. Write down all messages of a session in the order in which they are sent: they form a path through the
//! contract. A side sends in state S only when its endpoint is in S, so it has received every message of the peer
//! on the path that leads to S. Let the server send a message m. All that the client sent before m has then been
//! received. What is in flight to the server at any later time was therefore sent after the server's last message,
//! that is, in the one run of client messages that ends the path so far. If no stream's message is in that run, its
//! length bounds what is in flight: case 1. Otherwise take the last stream's message in it, with window N, sent in state
//! S. Right after it at most N messages were in flight, and since then only the rest of the run was sent, a run without
//! streams that begins in S: case 2. Both bounds are met when the server receives nothing while the client speaks and,
//! in case 2, fills the window first. The same holds with the sides exchanged, and a message to `End` counts like any
//! other, for the sender may leave while it is in flight.
//!
//! So a message that is no stream's never finds the ring full: it never waits, also right behind a stream. Streams in one
//! run do not add up, whether they share a state or follow each other.
//!
//! A run without streams is a path in the graph of one side's other steps. A cycle there is a cycle with messages one way
//! only, which `check` refuses; without one the longest path exists. A direction without messages has depth 0.

use crate::model::{Protocol, Side, StateId};

/// The greatest number of messages in flight in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depths {
    pub(crate) to_server: usize,
    pub(crate) to_client: usize,
}

/// The depths of a contract that `check` accepts. In a cycle of one side's messages a run is cut where it closes.
pub(crate) fn depths(protocol: &Protocol) -> Depths {
    Depths { to_server: depth(protocol, Side::Client), to_client: depth(protocol, Side::Server) }
}

fn depth(protocol: &Protocol, sender: Side) -> usize {
    let mut known = vec![Known::No; protocol.states.len()];
    (0..protocol.states.len())
        .map(|state| {
            let run = longest_from(protocol, sender, state, &mut known);
            run + window_in(protocol, sender, state)
        })
        .max()
        .unwrap_or(0)
}

/// The greatest window of this side's streams in a state; 0 if there are none.
fn window_in(protocol: &Protocol, sender: Side, state: StateId) -> usize {
    protocol
        .leaving(state)
        .filter(|step| protocol.streams(*step) && protocol.sender(*step) == sender)
        .filter_map(|step| protocol.messages[step.message].window)
        .max()
        .map_or(0, |window| window as usize)
}

#[derive(Clone, Copy)]
enum Known {
    No,
    OnTheWay,
    Yes(usize),
}

/// The longest run from a state, streams left out.
fn longest_from(protocol: &Protocol, sender: Side, state: StateId, known: &mut [Known]) -> usize {
    match known[state] {
        Known::Yes(length) => return length,
        Known::OnTheWay => return 0,
        Known::No => {}
    }
    known[state] = Known::OnTheWay;
    let length = protocol
        .leaving(state)
        .filter(|step| protocol.sender(*step) == sender && !protocol.streams(*step))
        .map(|step| 1 + longest_from(protocol, sender, step.to, known))
        .max()
        .unwrap_or(0);
    known[state] = Known::Yes(length);
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sketch::contract;

    #[test]
    fn request_and_reply_need_one_slot_each_way() {
        let protocol =
            contract("client Ask: Idle => Asked\nserver Answer: Asked => Idle\nclient Leave: Idle => End");
        assert_eq!(depths(&protocol), Depths { to_server: 1, to_client: 1 });
    }

    #[test]
    fn a_run_counts_across_states_and_to_the_end() {
        let protocol = contract(
            "client Open: A => B\nclient Name: B => C\nclient Go: C => D\nserver Done: D => A\nclient Leave: C => End",
        );
        assert_eq!(depths(&protocol), Depths { to_server: 3, to_client: 1 });
    }

    #[test]
    fn a_direction_without_messages_has_depth_zero() {
        let protocol = contract("server Tell: A => B\nserver More: B => End");
        assert_eq!(depths(&protocol), Depths { to_server: 0, to_client: 2 });
    }

    #[test]
    fn a_window_adds_to_what_can_follow_it_and_not_to_what_comes_before() {
        let protocol = contract(
            "client Begin: A => B\nclient Name: B => Open\nclient Item[8]: Open => Open\nclient Last: Open => Sum\n\
             client Check: Sum => Said\nserver Thanks: Said => A",
        );
        assert_eq!(depths(&protocol), Depths { to_server: 10, to_client: 1 });
    }

    #[test]
    fn a_small_window_does_not_shorten_the_longest_run() {
        let protocol = contract(
            "client Begin: A => B\nclient Name: B => Open\nclient Item[1]: Open => Open\nclient Last: Open => End",
        );
        assert_eq!(depths(&protocol), Depths { to_server: 3, to_client: 0 });
    }

    #[test]
    fn windows_in_one_run_do_not_add_up() {
        let protocol = contract(
            "server Item[8]: Open => Open\nserver Other[3]: Open => Open, More => More\nserver Turn: Open => More\n\
             server Done: More => Idle\nclient Go: Idle => Open",
        );
        assert_eq!(depths(&protocol), Depths { to_server: 1, to_client: 10 });
    }
}
