//! A message with two windows.

#[derive(contracts::Contract)]
#[contract(start = Open)]
pub enum Feed {
    /// More.
    #[client(Open => Open, window = 8, window = 9)]
    More,
}

fn main() {}
