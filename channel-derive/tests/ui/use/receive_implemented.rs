//! Who receives, and what, is the contract's to say: safe code implements neither `Receive`, nor `Endpoint`, nor `Member`.

#![forbid(unsafe_code)]

use contracts::{Closed, Contract, Receive, TryReceiveError};

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

impl Receive for session::Client<session::Idle> {
    type Received = u8;
    fn receive(self) -> Result<u8, Closed> {
        Ok(1)
    }
    fn try_receive(self) -> Result<u8, TryReceiveError<Self>> {
        Ok(1)
    }
}

fn main() {}
