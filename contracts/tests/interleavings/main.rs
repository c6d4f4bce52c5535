//! Every interleaving of a few steps, and every order in which their effects can become visible, by loom: what channels,
//! streams and sets promise holds in all of them, up to a number of preemptions.
//!
//! The code under test is the library's own, with loom's atomics, locks and threads in place of the machine's
//! (`src/sync.rs`). It is built for that with `--cfg loom`, so the test that everybody runs has cargo build and run this
//! one again.
//!
//! Each of these edits was tried, and makes the test fail that is named, most of them many more:
//!
//! | edit | what fails |
//! |---|---|
//! | `RawEnd::put` stores the head relaxed | `all_that_was_sent_is_received_and_then_the_close` |
//! | `RawEnd::look` reads `closed` after the head | the same |
//! | `RawEnd::look` reads `closed` relaxed | `a_client_can_move_while_its_server_waits_and_answers` |
//! | `RawEnd::send` notifies before it puts | `questions_and_answers_use_the_slots_again_and_nobody_sleeps_for_ever` |
//! | `notify` or `park` has no fence | the same |
//! | `close_end` takes the lock after `Channel::close` | `a_close_from_both_sides_drains_and_frees_once` |
//! | `Channel::drain` walks no chain | `a_close_drains_what_comes_back` |
//! | `close_end` has no fence, or a send does not `give_up_if_closed` | `an_end_sent_to_a_receiver_that_closes_is_closed_at_once` |
//! | `join_set` lists nothing | `a_member_is_served_whether_it_joined_before_or_after_the_message` |
//! | `wake` lists an end that has left | `an_end_that_has_left_its_set_is_listed_no_more` |
//! | `give_credit` does not notify | `a_member_of_a_set_streams_on_while_it_leaves_and_joins` |
//! | `Cursor::publish` stores, or `has_room` loads, the credit relaxed | `credit_in_batches_keeps_the_sender_going_and_no_slot_is_overwritten` |

#[cfg(not(loom))]
mod apart;
#[cfg(loom)]
mod channels;
#[cfg(loom)]
mod model;
#[cfg(loom)]
mod sets;
#[cfg(loom)]
mod streams;
#[cfg(loom)]
mod waiting;
