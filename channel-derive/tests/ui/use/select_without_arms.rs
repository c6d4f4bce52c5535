//! `select!` needs something to wait for, and arms of one form.

use contracts::{Instant, select};

fn main() {
    select! {}
    select! {
        after Instant::now() => {}
    }
    let endpoint = ();
    select! {
        endpoint => {}
    }
    select! {
        message = endpoint => drop(message),
        endpoint => {}
    }
    select! {
        message = endpoint => drop(message),
        after Instant::now() => (),
        message = endpoint => drop(message),
    }
}
