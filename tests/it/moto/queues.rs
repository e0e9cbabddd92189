//! Queues behind topics and rules, in moto.

use serde_json::Value;

pub async fn create_queue(url: &str, name: &str) -> String {
    let created = query(url, "sqs", &format!("Action=CreateQueue&QueueName={name}&Version=2012-11-05")).await;
    between(&created, "<QueueUrl>", "</QueueUrl>")
}

/// A queue behind the topic that wants what the filter lets through; returns its URL.
pub async fn subscribe_queue(url: &str, sns: &aws_sdk_sns::Client, topic: &str, name: &str, filter: &str) -> String {
    let queue = create_queue(url, name).await;
    sns.subscribe()
        .topic_arn(topic)
        .protocol("sqs")
        .endpoint(format!("arn:aws:sqs:us-east-1:123456789012:{name}"))
        .attributes("RawMessageDelivery", "true")
        .attributes("FilterPolicy", filter)
        .send()
        .await
        .unwrap();
    queue
}

/// The messages that wait in a queue, up to ten; they are not seen again within this test.
pub async fn receive(url: &str, queue: &str) -> Vec<Value> {
    let path = queue.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap().1;
    let form = "Action=ReceiveMessage&MaxNumberOfMessages=10&VisibilityTimeout=600&Version=2012-11-05";
    let answer = query(&format!("{url}/{path}"), "sqs", form).await;
    let bodies = answer.split("<Body>").skip(1).map(|rest| rest.split("</Body>").next().unwrap());
    bodies
        .map(|body| {
            let body = body.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e} in {body}"))
        })
        .collect()
}

/// One call in AWS's query protocol: the SQS SDK would be a large crate for two calls.
pub async fn query(url: &str, service: &str, form: &str) -> String {
    let rest = url.trim_start_matches("http://");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let scope = format!("Credential=test/20260101/us-east-1/{service}/aws4_request");
    let request = format!(
        "POST /{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, \
         Signature=0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    answer
}

pub fn between(text: &str, start: &str, end: &str) -> String {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    let to = text[from..].find(end).unwrap() + from;
    text[from..to].to_owned()
}
