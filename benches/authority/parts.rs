//! What the operations consist of, each part by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use tollgate::clock::{Clock, Timestamp};
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{Change, Digest, RefreshToken, Session, Store, User};
use tollgate::token::{Algorithm, ClaimRules, KeySet, OwnKey, OwnMaterial, RawToken, SigningKey, verify};
use uuid::Uuid;

/// Microseconds of processor time for each.
pub struct Parts {
    pub verification: f64,
    pub signature: f64,
    pub read: f64,
    pub write: f64,
    pub writes_per_second: f64,
}

pub fn measure(clients: usize, span: Duration) -> Parts {
    let (verification, signature) = tokens();
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("bench.db"), &Clock::system()).unwrap().store;
    let store: Arc<dyn Store> = Arc::new(store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fill(&*store, clients));
    let (read, _) = timed(&runtime, &store, clients, span, false);
    let (write, writes_per_second) = timed(&runtime, &store, clients, span, true);
    Parts { verification, signature, read, write, writes_per_second }
}

/// Verification and signature of a usual token.
fn tokens() -> (f64, f64) {
    let key = SigningKey::new(Algorithm::ES256).unwrap();
    let claims = json!({
        "aud": "3c219e58-ed0e-4b18-ad48-f4f92793ae32", "exp": 4_000_000_000_u64, "iat": 1_800_000_000, "iss": "acme.com",
        "sub": Uuid::from_u128(7), "jti": Uuid::from_u128(8), "authenticationType": "PASSWORD", "email": "user@example.com",
        "email_verified": false, "applicationId": "3c219e58-ed0e-4b18-ad48-f4f92793ae32", "roles": ["user"],
        "sid": Uuid::from_u128(9), "auth_time": 1_800_000_000,
    });
    let token = key.sign("JWT", &claims).unwrap();
    let material = OwnMaterial::Public(key.public().unwrap().der().into());
    let own = OwnKey { id: key.key_id().into(), algorithm: Algorithm::ES256, material, only_audience: None };
    let keys = KeySet::of_own(&[own]).set;
    let rules = ClaimRules {
        issuer: "acme.com".into(),
        audiences: vec!["3c219e58-ed0e-4b18-ad48-f4f92793ae32".to_owned()],
        leeway: Duration::ZERO,
        max_lifetime: None,
        types: vec!["JWT".to_owned()],
        require_type: true,
    };
    let now = Timestamp::from_seconds(1_800_000_001);
    let prove = || {
        let raw = RawToken::parse(&token, 16 * 1024).unwrap();
        let key = keys.find(raw.header().key_id.as_deref(), Algorithm::ES256).unwrap();
        verify(raw, key, &rules, now).unwrap()
    };
    (each(|| drop(prove())), each(|| drop(key.sign("JWT", &claims).unwrap())))
}

/// Microseconds of one call, alone on its thread.
fn each(call: impl Fn()) -> f64 {
    const TIMES: u32 = 5000;
    (0..TIMES / 10).for_each(|_| call());
    let start = Instant::now();
    (0..TIMES).for_each(|_| call());
    start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn id(client: usize) -> Uuid {
    Uuid::from_u128(client as u128 + 1)
}

fn refresh_token(client: usize) -> RefreshToken {
    let now = Timestamp::from_seconds(1_800_000_000);
    RefreshToken {
        id: id(client),
        session: id(client),
        user: id(client),
        application: id(0),
        parent: None,
        digest: Digest::of(&client.to_string()),
        sealed: vec![0; 72],
        start: now,
        inserted: now,
        device: None,
        meta_data: Map::new(),
        version: 0,
    }
}

async fn fill(store: &dyn Store, clients: usize) {
    for client in 0..clients {
        let now = Timestamp::from_seconds(1_800_000_000);
        let user = User {
            id: id(client),
            email: Some(format!("user-{client}@example.com")),
            username: None,
            verified: false,
            active: true,
            password: None,
            password_change_required: false,
            password_last_update: None,
            expiry: None,
            profile: Map::new(),
            inserted: now,
            updated: now,
            last_login: None,
            closed: None,
            version: 0,
            registrations: Vec::new(),
        };
        let session = Session {
            id: id(client),
            user: id(client),
            application: None,
            authentication_type: "PASSWORD".into(),
            signed_in: now,
        };
        let changes = vec![Change::AddUser(user), Change::AddSession(session), Change::AddRefreshToken(refresh_token(client))];
        store.commit(changes).await.unwrap();
    }
}

/// Microseconds of this process's processors for each read, or durable write, by `clients` at once; and how many a second.
fn timed(runtime: &tokio::runtime::Runtime, store: &Arc<dyn Store>, clients: usize, span: Duration, writes: bool) -> (f64, f64) {
    let (before, end) = (processor_time(), Instant::now() + span);
    let done: u32 = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for client in 0..clients {
            tasks.spawn(caller(Arc::clone(store), client, end, writes));
        }
        tasks.join_all().await.into_iter().sum()
    });
    let used = processor_time() - before;
    (used.as_secs_f64() * 1e6 / f64::from(done), f64::from(done) / span.as_secs_f64())
}

async fn caller(store: Arc<dyn Store>, client: usize, end: Instant, writes: bool) -> u32 {
    let mut done = 0;
    let mut token = store.refresh_token(id(client)).await.unwrap().unwrap().token;
    while Instant::now() < end {
        if writes {
            store.commit(vec![Change::UseRefreshToken(token.clone())]).await.unwrap();
            token.version += 1;
        } else {
            store.renewal(Digest::of(&client.to_string())).await.unwrap().unwrap();
        }
        done += 1;
    }
    done
}

fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis((fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10)
}
