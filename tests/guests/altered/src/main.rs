//! Uses the service `pong` by a contract that has changed since: the pong's value has another type.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Contract;

/// The stock contract of that name, but for one field.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum PingPong {
    /// There.
    #[client(Idle => Waiting)]
    Ping {
        /// Anything.
        value: u64,
    },
    /// And back.
    #[server(Waiting => Idle)]
    Pong {
        /// It was a `u64`.
        value: u32,
    },
}

rt::manifest! {
    main: main,
    uses: { pong: PingPong },
}

fn main(grants: Grants) {
    rt::log!("connected to {:?}", grants.pong);
}
