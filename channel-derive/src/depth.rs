//! How many messages can be in flight.
//!
//! Let every state have one speaker and every cycle a message each way. **Claim:** the greatest number of messages in
//! flight in one direction is the length of the longest run of consecutive messages by that direction's sender.
//!
//! Proof. Write down all messages of a session in the order in which they are sent: they form a path through the
//! contract. A side sends in state S only when its endpoint is in S, so it has received every message of the peer
//! on the path that leads to S. Let the server send a message m. All that the client sent before m has then been
//! received. What is in flight to the server at any later time was therefore sent after the server's last message,
//! that is, in the one run of client messages that ends the path so far. Its length bounds what is in flight, and the
//! bound is met when the server receives nothing while the client speaks. The same holds with the sides exchanged,
//! and a message to `End` counts like any other, for the sender may leave while it is in flight.
//!
//! A run is a path in the graph of one side's steps alone. A cycle there is a cycle with messages one way only, which
//! `check` refuses; without one the longest path exists. A direction without messages has depth 0.

use crate::model::{Protocol, Side, StateId};

/// The greatest number of messages in flight in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depths {
    pub(crate) to_server: usize,
    pub(crate) to_client: usize,
}

/// The depths of a contract that `check` accepts. In a cycle of one side's messages a run is cut where it closes.
pub(crate) fn depths(protocol: &Protocol) -> Depths {
    Depths { to_server: longest_run(protocol, Side::Client), to_client: longest_run(protocol, Side::Server) }
}

fn longest_run(protocol: &Protocol, sender: Side) -> usize {
    let mut known = vec![Known::No; protocol.states.len()];
    (0..protocol.states.len())
        .map(|state| longest_from(protocol, sender, state, &mut known))
        .max()
        .unwrap_or(0)
}

#[derive(Clone, Copy)]
enum Known {
    No,
    OnTheWay,
    Yes(usize),
}

fn longest_from(protocol: &Protocol, sender: Side, state: StateId, known: &mut [Known]) -> usize {
    match known[state] {
        Known::Yes(length) => return length,
        Known::OnTheWay => return 0,
        Known::No => {}
    }
    known[state] = Known::OnTheWay;
    let length = protocol
        .leaving(state)
        .filter(|step| protocol.sender(*step) == sender)
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
}
