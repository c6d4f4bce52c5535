//! A message that would become the method by which a stream sends without waiting.

#[derive(contracts::Contract)]
#[contract(start = Open)]
pub enum Feed {
    /// More.
    #[client(Open => Open, window = 8)]
    Item,
    /// Something else.
    #[client(Open => End)]
    TryItem,
}

fn main() {}
