//! Requests that the node's RPC refuses, each in words that say what to do; the node goes on.

use crate::common::{
    chain::Chain,
    compute_rpc::{completer, embedder},
    in_turn,
    node::{Node, NodeConfig},
};
use kagari_primitives::Hash;
use serde_json::{json, Value as Json};
use std::{
    io::{Read, Write},
    net::TcpStream,
};
use subxt::rpcs::rpc_params;

async fn refused(chain: &Chain, what: &str, request: Json) -> String {
    let refusal = chain
        .ask_refused("compute_prepare", rpc_params![request])
        .await;
    println!("{what}: {}", refusal.chars().take(300).collect::<String>());
    refusal
}

#[test]
fn requests_that_make_no_sense_are_refused_in_words() {
    in_turn(async {
        let node = Node::start("validator", NodeConfig::validator().with_worker()).await;
        let chain = Chain::connect(&node.url()).await;
        let (llm, bert) = (completer().name_text(), embedder().name_text());
        let user = |content: &str| json!([{ "role": "user", "content": content }]);
        let long = "word ".repeat(60_000);

        let word = refused(
            &chain,
            "an unknown name",
            json!({ "model": "nonsense", "text": "x" }),
        )
        .await;
        assert!(word.contains("nonsense"), "it says which: {word}");
        let id = Hash::repeat_byte(1);
        let word = refused(&chain, "an unknown id", json!({ "model": id, "text": "x" })).await;
        assert!(word.contains("0101"), "it says which: {word}");
        let cases = [
            (
                "an empty text",
                json!({ "model": llm, "text": "", "maxNewTokens": 8 }),
            ),
            (
                "an empty text to embed",
                json!({ "model": bert, "text": "" }),
            ),
            (
                "no messages",
                json!({ "model": llm, "messages": [], "maxNewTokens": 8 }),
            ),
            (
                "neither text nor messages",
                json!({ "model": llm, "maxNewTokens": 8 }),
            ),
            (
                "both",
                json!({ "model": llm, "text": "x", "messages": user("x"), "maxNewTokens": 8 }),
            ),
            (
                "an unknown role",
                json!({ "model": llm, "messages": [{ "role": "god", "content": "x" }] }),
            ),
            (
                "an oversized text",
                json!({ "model": llm, "text": long, "maxNewTokens": 8 }),
            ),
            (
                "an oversized chat",
                json!({ "model": llm, "messages": user(&long), "maxNewTokens": 8 }),
            ),
            (
                "an oversized text to embed",
                json!({ "model": bert, "text": long }),
            ),
            (
                "nothing to put out",
                json!({ "model": llm, "text": "x", "maxNewTokens": 0 }),
            ),
            (
                "too much to put out",
                json!({ "model": llm, "text": "x", "maxNewTokens": 1_000_000 }),
            ),
            (
                "a mad temperature",
                json!({ "model": llm, "text": "x", "temperature": 1e9 }),
            ),
            (
                "a negative temperature",
                json!({ "model": llm, "text": "x", "temperature": -1.0 }),
            ),
            (
                "a mad top-p",
                json!({ "model": llm, "text": "x", "topP": 2.0 }),
            ),
            (
                "a chat with a model that can't",
                json!({ "model": bert, "messages": user("x") }),
            ),
            (
                "two replicas",
                json!({ "model": bert, "text": "x", "replicas": 2 }),
            ),
            ("a number for a text", json!({ "model": llm, "text": 7 })),
        ];
        for (what, request) in cases {
            let word = refused(&chain, what, request).await;
            assert!(word.len() > 20, "{what}: {word}");
            assert!(word.len() < 1_000, "{what} is answered at length: {word}");
        }
        assert_bytes_that_are_no_text_are_refused(node.rpc_port());

        assert_eq!(
            chain.job(Hash::repeat_byte(2)).await,
            Json::Null,
            "an unknown job is null"
        );
        let good = chain.prepare_chat("And a good one?", 8).await;
        assert!(!good.input.is_empty());
    });
}

/// JSON is UTF-8, so what is not never gets as far as a chat.
fn assert_bytes_that_are_no_text_are_refused(port: u16) {
    let open = br#"{"jsonrpc":"2.0","id":1,"method":"compute_prepare","params":[{"model":"#;
    let model = format!("{:?}", completer().name_text());
    let chat: &[u8] = b",\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\x28\xff\"}]}]}";
    let body = [&open[..], model.as_bytes(), chat].concat();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the node takes connections");
    stream
        .write_all(&[head.as_bytes(), &body].concat())
        .expect("the request is sent");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is text");
    println!(
        "bytes that are no text: {}",
        answer.lines().last().unwrap_or_default()
    );
    assert!(answer.contains("error"), "{answer}");
}
