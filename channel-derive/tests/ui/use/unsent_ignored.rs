//! A stream's endpoint is in the result of its send.

mod feed {
    #[derive(contracts::Contract)]
    #[contract(start = Open)]
    pub enum Feed {
        /// More.
        #[client(Open => Open, window = 8)]
        More {
            /// What.
            number: u32,
        },
        /// No more.
        #[client(Open => End)]
        Done,
    }
}

fn send(client: feed::feed::Client<feed::feed::Open>) {
    client.more(1).more(2);
}

fn main() {}
