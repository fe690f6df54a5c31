//! A carrier in place of the simulated one, that does as a test tells it.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// What a carrier answers each request, by its first line; none breaks it off.
pub type Script = dyn Fn(&str) -> Option<(u16, Value)> + Send + Sync;

/// A carrier that does as told, and what it was asked.
pub fn carrier(script: Box<Script>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 8192];
            let length = connection.read(&mut bytes).unwrap_or_default();
            let line = String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned();
            let method = line.split(' ').next().unwrap_or_default().to_owned();
            let answer = if method == "PUT" { Some((204, Value::Null)) } else { script(&method) };
            if method != "PUT" {
                seen.lock().unwrap().push(method);
            }
            if let Some((status, body)) = answer {
                let body = if body.is_null() { String::new() } else { body.to_string() };
                let head = format!(
                    "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = connection.write_all(format!("{head}{body}").as_bytes());
            }
        }
    });
    (url, asked)
}
