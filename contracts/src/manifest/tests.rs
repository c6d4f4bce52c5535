use core::time::Duration;

use super::*;
use crate::abi;
use crate::endpoint::{CarriedContract, MessageDescription, StateDescription};
use crate::restart::Restart;

static TALK: Description = Description {
    name: "Talk",
    own: u64::MAX - 1,
    place: 1,
    start: 0,
    states: &[
        StateDescription { name: "Idle", speaker: Some(Side::Client) },
        StateDescription { name: "End", speaker: None },
    ],
    messages: &[MessageDescription {
        name: "Say",
        fingerprint: 300,
        sender: Side::Client,
        steps: &[(0, 1)],
        body_size: 129,
        body_align: 8,
        window: 0,
    }],
    carries: &[
        CarriedContract { message: 0, contract: &HELLO },
        CarriedContract { message: 0, contract: &TALK },
        CarriedContract { message: 0, contract: &HELLO },
    ],
    depth_to_server: 1,
    depth_to_client: 0,
    base: Some(&HELLO),
};

static HELLO: Description = Description {
    name: "Hello",
    own: 77,
    place: 2,
    start: 0,
    states: &[
        StateDescription { name: "Idle", speaker: Some(Side::Client) },
        StateDescription { name: "End", speaker: None },
    ],
    messages: &[],
    carries: &[],
    depth_to_server: 200,
    depth_to_client: 3,
    base: None,
};

#[test]
fn a_manifest_encoded_in_a_constant_is_what_postcard_writes() {
    const POLICY: Policy = Policy {
        restart: Restart::Always,
        back_off: Duration::from_nanos(999_999_999),
        back_off_cap: Duration::from_secs(300),
        give_up_after: 1000,
        give_up_within: Duration::from_millis(129_001),
    };
    const SPEC: ManifestSpec = ManifestSpec {
        name: "talker",
        provides: &[("talk", &TALK)],
        uses: &[("talk", &TALK), ("other", &TALK)],
        memory: 1 << 20,
        stack: 65536,
        priority: 200,
        blocks: 1 << 40,
        channels: 1000,
        threads: 300,
        cpu_percent: 130,
        policy: POLICY,
    };
    let port = |service: &str| Port { service: service.into(), contract: ContractInfo::from(&TALK) };
    let manifest = Manifest {
        abi: abi::HASH,
        name: "talker".into(),
        provides: [port("talk")].into(),
        uses: [port("talk"), port("other")].into(),
        memory: 1 << 20,
        stack: 65536,
        priority: 200,
        blocks: 1 << 40,
        channels: 1000,
        threads: 300,
        cpu_percent: 130,
        policy: POLICY,
    };
    const LENGTH: usize = SPEC.encoded_length();
    assert_eq!(SPEC.encode::<LENGTH>().as_slice(), postcard::to_allocvec(&manifest).expect("it encodes"));
    assert_eq!(postcard::from_bytes(&SPEC.encode::<LENGTH>()), Ok(manifest));
}

#[test]
fn a_difference_names_the_message_that_differs() {
    let here = ContractInfo::from(&TALK);
    let mut there = here.clone();
    assert_eq!(here.difference(&there), None);
    there.shape.fingerprint = 1;
    assert_eq!(here.difference(&there), Some(Difference::States));
    there.messages[0].fingerprint = 1;
    assert_eq!(here.difference(&there), Some(Difference::Message("Say".into())));
    there.messages[0].name = "Tell".into();
    assert_eq!(here.difference(&there), Some(Difference::OnlyUsed("Say".into())));
    there.messages.push(here.messages[0].clone());
    assert_eq!(here.difference(&there), Some(Difference::OnlyProvided("Tell".into())));
}

#[test]
fn a_provider_whose_channels_lie_otherwise_is_not_believed_its_fingerprint() {
    let here = ContractInfo::from(&TALK);
    let mut there = here.clone();
    there.shape.depth[0] += 8;
    assert_eq!(here.difference(&there), Some(Difference::States));
    assert_eq!(there.difference(&here), Some(Difference::States));
}

#[test]
fn a_user_of_a_base_can_talk_to_a_provider_of_its_extension_and_not_the_reverse() {
    let (base, extension) = (ContractInfo::from(&HELLO), ContractInfo::from(&TALK));
    assert_eq!(base.difference(&extension), None);
    assert_eq!(extension.shape_for(77), Some(&base.shape), "the channel is the user's");
    assert_eq!(extension.difference(&base), Some(Difference::OnlyUsed("Say".into())));
    let mut stranger = base.clone();
    (stranger.name, stranger.shape.fingerprint) = ("Other".into(), 5);
    let names = Difference::Name { used: "Other".into(), provided: "Talk".into() };
    assert_eq!(stranger.difference(&extension), Some(names));
}
