//! `ClientAsked` is what the client receives in `Asked`.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = ClientAsked)]
enum Session {
    #[client(ClientAsked => Asked)]
    Ask,
    #[server(Asked => ClientAsked)]
    Answer,
}

fn main() {}
