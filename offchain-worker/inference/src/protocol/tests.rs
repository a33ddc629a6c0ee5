#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn request(id: u64, text: &str) -> Request {
    Request {
        id,
        body: RequestBody::Encode {
            model: ModelId::zero(),
            text: text.into(),
        },
    }
}

fn framed(message: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, message).unwrap();
    bytes
}

#[test]
fn frames_round_trip_one_after_another() {
    let mut bytes = framed(&request(1, "a"));
    bytes.extend(framed(&request(2, "篝")));
    let mut from = &bytes[..];
    let mut next = || {
        read_frame(&mut from)
            .unwrap()
            .map(|f| decode::<Request>(&f).unwrap())
    };
    assert_eq!(next(), Some(request(1, "a")));
    assert_eq!(next(), Some(request(2, "篝")));
    assert_eq!(next(), None);
}

#[test]
fn a_frame_that_is_cut_is_an_error_and_not_an_end() {
    let bytes = framed(&request(1, "abc"));
    for len in 1..bytes.len() {
        let cut = read_frame(&mut &bytes[..len]);
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[test]
fn large_frames_are_refused_by_both_sides() {
    let largest = vec![0u8; MAX_FRAME - 4];
    assert_eq!(
        read_frame(&mut &framed(&largest)[..])
            .unwrap()
            .unwrap()
            .len(),
        MAX_FRAME
    );

    let larger = vec![0u8; MAX_FRAME - 3];
    assert!(write_frame(&mut Vec::new(), &larger).is_err());
    let header = u32::MAX.to_le_bytes();
    let refused = read_frame(&mut &header[..]).unwrap_err();
    assert!(
        refused.to_string().contains("4294967295 bytes"),
        "{refused}"
    );
}

#[test]
fn text_that_is_no_utf8_is_refused_but_its_id_is_known() {
    let mut bytes = request(7, "ab").encode();
    let last = bytes.len() - 1;
    bytes[last] = 0xff;
    assert!(decode::<Request>(&bytes).is_err());
    assert_eq!(request_id(&bytes), Some(7));
}

#[test]
fn bytes_after_a_message_are_refused() {
    let mut bytes = request(7, "ab").encode();
    assert!(decode::<Request>(&bytes).is_ok());
    bytes.push(0);
    assert!(decode::<Request>(&bytes).is_err());
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(bytes: Vec<u8>) {
        let _ = decode::<Request>(&bytes);
        let _ = decode::<Response>(&bytes);
        let _ = read_frame(&mut &bytes[..]);
    }
}
