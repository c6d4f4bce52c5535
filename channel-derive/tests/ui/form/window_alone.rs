//! A window without a state in which the message is sent.

#[derive(contracts::Contract)]
#[contract(start = Open)]
pub enum Feed {
    /// More.
    #[client(window = 8)]
    More,
}

fn main() {}
