-- A store as the first version of its tables had it: one finished run of two targets, and one that was interrupted.
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('0001');
CREATE TABLE runs (seq INTEGER PRIMARY KEY AUTOINCREMENT, id VARCHAR(64) NOT NULL UNIQUE, province VARCHAR(100) NOT NULL,
  state VARCHAR(20) NOT NULL, started_at VARCHAR(40) NOT NULL, finished_at VARCHAR(40), date VARCHAR(10) NOT NULL,
  evidence TEXT, request TEXT NOT NULL, head TEXT);
CREATE TABLE findings (run INTEGER, target VARCHAR(100), rule VARCHAR(200), check_id VARCHAR(100) NOT NULL,
  result VARCHAR(16) NOT NULL, final VARCHAR(16) NOT NULL, change VARCHAR(16) NOT NULL, first_seen VARCHAR(10),
  runs_open INTEGER NOT NULL, last_decided VARCHAR(16), ever_failed BOOLEAN NOT NULL, doc TEXT NOT NULL, notes TEXT,
  PRIMARY KEY (run, target, rule));
CREATE TABLE observations (run INTEGER, sha256 VARCHAR(64), doc TEXT NOT NULL, PRIMARY KEY (run, sha256));
CREATE TABLE journal (run INTEGER, target VARCHAR(100), collector VARCHAR(100), attempt INTEGER NOT NULL,
  reason VARCHAR(20), sha256 VARCHAR(64) NOT NULL, at VARCHAR(40) NOT NULL, PRIMARY KEY (run, target, collector));
INSERT INTO runs VALUES (1, 'r0', 'tinh', 'collecting', '2026-11-20T00:00:00+00:00', NULL, '2026-11-20', NULL, '{}', NULL);
INSERT INTO runs VALUES (2, 'r1', 'tinh', 'complete', '2026-11-21T00:00:00+00:00', '2026-11-21T00:01:00+00:00',
  '2026-11-21', NULL, '{}', '{"schema": "capdo.run/1", "targets": [{"id": "a", "agency": "so-a"}, {"id": "b", "agency": null}], "scores": {"province": {"low": 5.0}, "targets": [{"id": "a", "low": 50.0}, {"id": "b", "low": 0.0}]}}');
INSERT INTO findings VALUES (2, 'a', 'r1', 'patch.x', 'pass', 'pass', 'same', NULL, 0, 'pass', 0, '{}', NULL);
INSERT INTO findings VALUES (2, 'a', 'r2', 'patch.x', 'fail', 'fail', 'new', '2026-11-21', 1, 'fail', 1, '{}', NULL);
INSERT INTO findings VALUES (2, 'a', 'r3', 'patch.x', 'unknown', 'unknown', 'notmeasured', NULL, 0, 'pass', 1, '{}', NULL);
INSERT INTO findings VALUES (2, 'b', 'r1', '', 'notchecked', 'notchecked', 'same', NULL, 0, NULL, 0, '{}', NULL);
