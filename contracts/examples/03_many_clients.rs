//! A server with many clients. After `02_blocks`.
//!
//! A server waits for all its clients at once with an `EndpointSet`. One step brings the message, the endpoint that it came
//! on, and what the server noted about that client. The clients are served in turn, however talkative one of them is.
#![forbid(unsafe_code)]

use std::thread;

use contracts::{Closed, Contract, EndpointSet, Event};

/// An account at a bank.
///
/// ```text
/// Idle --?Deposit--> Depositing --!Balance--> Idle
/// Idle --?Withdraw--> Withdrawing --!Balance--> Idle
///                     Withdrawing --!TooLittle--> Idle
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Account {
    /// Brings money.
    #[client(Idle => Depositing)]
    Deposit {
        /// How much.
        amount: u64,
    },
    /// Wants money.
    #[client(Idle => Withdrawing)]
    Withdraw {
        /// How much.
        amount: u64,
    },
    /// It is done. The same message in two states: each has its own line of the picture.
    #[server(Depositing => Idle, Withdrawing => Idle)]
    Balance {
        /// What is in the account.
        amount: u64,
    },
    /// There is not that much.
    #[server(Withdrawing => Idle)]
    TooLittle,
}

use account::{Client, ClientDepositing, ClientWithdrawing, Idle, Server, ServerIdle};

/// Serves every account until all have been closed; returns what was left in them.
fn serve(mut accounts: EndpointSet<Server<Idle>, u64>) -> u64 {
    let mut left = 0;
    while !accounts.is_empty() {
        // The member has left the set. Whoever wants to hear from it again puts it back in its next state.
        let Event { received, data: mut balance } = accounts.receive();
        let server = match received {
            Ok(ServerIdle::Deposit { amount, next }) => {
                balance += amount;
                next.balance(balance)
            }
            Ok(ServerIdle::Withdraw { amount, next }) => match balance.checked_sub(amount) {
                Some(rest) => {
                    balance = rest;
                    next.balance(balance)
                }
                None => next.too_little(),
            },
            // A client that is gone takes nobody with it.
            Err(Closed) => {
                left += balance;
                continue;
            }
        };
        accounts.insert(server, balance);
    }
    left
}

/// Brings 1 to 10, and then takes out 7 as often as there is enough.
fn save_and_spend(mut client: Client<Idle>) -> Result<u64, Closed> {
    for amount in 1..=10 {
        let ClientDepositing::Balance { next, .. } = client.deposit(amount).receive()?;
        client = next;
    }
    let mut times = 0;
    loop {
        match client.withdraw(7).receive()? {
            ClientWithdrawing::Balance { next, .. } => (times, client) = (times + 1, next),
            ClientWithdrawing::TooLittle { .. } => return Ok(times),
        }
    }
}

fn main() {
    const CLIENTS: u64 = 8;
    let mut accounts = EndpointSet::new().expect("memory for a set");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, server) = Account::channel().expect("memory for a channel");
            accounts.insert(server, 0);
            thread::spawn(move || save_and_spend(client))
        })
        .collect();
    let bank = thread::spawn(move || serve(accounts));
    for client in clients {
        assert_eq!(client.join().expect("no panic"), Ok(7), "7 times 7 of 55");
    }
    let left = bank.join().expect("no panic");
    println!("{CLIENTS} clients have left {left}");
    assert_eq!(left, CLIENTS * 6);
}

#[test]
fn it_runs() {
    main();
}
