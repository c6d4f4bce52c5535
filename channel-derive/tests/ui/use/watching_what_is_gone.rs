//! What a wait looks at is held for as long as it waits.

#![forbid(unsafe_code)]

use contracts::spec::ping::PingPong;
use contracts::select::Turn;
use contracts::{Contract, Member};

static TURN: Turn = Turn::first();

fn main() {
    let Ok((client, server)) = PingPong::channel() else { return };
    let watched = [server.watched()];
    drop((client, server));
    contracts::select::wait(&watched, None, &TURN);
}
