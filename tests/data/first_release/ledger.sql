BEGIN TRANSACTION;
CREATE TABLE coverage (
	destination TEXT NOT NULL, 
	table_name TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	start_date DATE NOT NULL, 
	end_date DATE NOT NULL, 
	source TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	rows BIGINT, 
	bytes BIGINT, 
	sha256 TEXT, 
	etag TEXT, 
	size BIGINT, 
	last_modified DATETIME, 
	reason TEXT NOT NULL, 
	details JSON NOT NULL, 
	checked_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	CONSTRAINT pk_coverage PRIMARY KEY (destination, table_name, symbol, start_date, end_date, source)
)
 WITHOUT ROWID

;
INSERT INTO "coverage" VALUES('lake','crypto/bars_1d','X:BTCUSD','2026-02-26','2026-03-03','rest','complete',6,NULL,NULL,NULL,NULL,NULL,'','{"rows_seen": 6, "rows": 6, "repeated": 0}','2026-11-22 23:38:29.152350',NULL);
INSERT INTO "coverage" VALUES('lake','forex/bars_1d','*','2026-03-02','2026-03-02','flatfile','complete',3,196,'31331ed5107c450a73ecb1f15d8e58871b35738f7858eb44d57891a89d36e794','d5c96d05b88d22d4af0e3f28aea7e0e6',196,'2026-03-03 03:00:00.000000','','{"rows_seen": 3, "rows": 3, "repeated": 0}','2026-11-22 23:38:46.962701',NULL);
INSERT INTO "coverage" VALUES('lake','forex/bars_1d','*','2026-03-03','2026-03-03','flatfile','suspect',0,197,'60ce6e294cb9b8cdea6f19aa8003c54b72a241e49ec5dbeab7cc500e1ab06813','6c54aab907f31a9ba29f664eaed4e85b',197,'2026-03-04 03:00:00.000000','global_forex/day_aggs_v1/2026/03/2026-03-03.csv.gz: 3 of 3 rows are bad: outside_session_date (3)','{}','2026-11-22 23:38:46.742716',NULL);
INSERT INTO "coverage" VALUES('lake','stocks/bars_1d','*','2026-02-26','2026-02-26','flatfile','complete',4,242,'3b0e99626ad7821c205a5ffc73b9c8d9a28d53299b752586205b2b60bc0b07d9','14f2ad9333522668a5fa3f09ca0f8c0e',242,'2026-02-27 03:00:00.000000','','{"rows_seen": 4, "rows": 4, "repeated": 0}','2026-11-22 23:37:44.582320',NULL);
INSERT INTO "coverage" VALUES('lake','stocks/bars_1d','*','2026-02-27','2026-02-27','flatfile','complete',4,246,'acf78517bb7ab319f37a4ed09ee4111538f471310d21c1e26aa6f314c42082c4','4008a804c345059951e2951b0eddcb1f',246,'2026-02-28 03:00:00.000000','','{"rows_seen": 4, "rows": 4, "repeated": 0}','2026-11-22 23:37:43.887493',NULL);
INSERT INTO "coverage" VALUES('lake','stocks/bars_1d','*','2026-03-02','2026-03-02','flatfile','complete',4,237,'f67ff507b9c0041acc887abb7f579d767ea8ad688220ad0d42f834b438567cce','e55354f8e872716eefe44e1ca2d59cb2',237,'2026-03-03 03:00:00.000000','','{"rows_seen": 4, "rows": 4, "repeated": 0}','2026-11-22 23:37:43.748666',NULL);
INSERT INTO "coverage" VALUES('lake','stocks/bars_1d','*','2026-03-03','2026-03-03','flatfile','complete',4,243,'5852507bbab3d34936335e8c70538298fcd7b0137da176b438e2d07f8565615a','a6221bc44efe7e4272cae5a91ab527d7',243,'2026-03-04 03:00:00.000000','','{"rows_seen": 4, "rows": 4, "repeated": 0}','2026-11-22 23:37:43.817113',NULL);
INSERT INTO "coverage" VALUES('lake','stocks/bars_1m','*','2026-03-02','2026-03-02','flatfile','complete',1367,28473,'d27caea488782ffc4571a918ef5e5b3324ad6f7fb1ec8694a811e5860ef1d108','0482190ef447cfc9e46e658e21a3eba8',28473,'2026-03-03 04:30:00.000000','','{"rows_seen": 1367, "rows": 1367, "repeated": 0, "reconciled_with": "e55354f8e872716eefe44e1ca2d59cb2", "lacking_close": []}','2026-11-22 23:38:12.157687',NULL);
CREATE TABLE entitlements (
	dataset TEXT NOT NULL, 
	first_day DATE NOT NULL, 
	asked_at DATETIME NOT NULL, 
	CONSTRAINT pk_entitlements PRIMARY KEY (dataset)
);
INSERT INTO "entitlements" VALUES('us_stocks_sip/day_aggs_v1','2026-02-20','2026-11-22 23:37:16.925288');
INSERT INTO "entitlements" VALUES('us_stocks_sip/minute_aggs_v1','2026-02-20','2026-11-22 23:37:58.148311');
INSERT INTO "entitlements" VALUES('rest/crypto','2010-01-01','2026-11-22 23:38:23.248326');
INSERT INTO "entitlements" VALUES('global_forex/day_aggs_v1','2026-02-20','2026-11-22 23:38:42.271633');
CREATE TABLE feeds (
	name TEXT NOT NULL, 
	feed JSON NOT NULL, 
	remembered_at DATETIME NOT NULL, 
	CONSTRAINT pk_feeds PRIMARY KEY (name)
);
INSERT INTO "feeds" VALUES('stocks/bars_1d all 2026-02-26..2026-03-03','{"datasets": ["us_stocks_sip/day_aggs_v1"], "symbols": null, "start": "2026-02-26", "end": "2026-03-03", "source": "auto", "destinations": ["lake"]}','2026-11-22 23:37:40.530199');
INSERT INTO "feeds" VALUES('stocks/bars_1m all 2026-03-02..2026-03-02','{"datasets": ["us_stocks_sip/minute_aggs_v1"], "symbols": null, "start": "2026-03-02", "end": "2026-03-02", "source": "auto", "destinations": ["lake"]}','2026-11-22 23:38:10.430963');
INSERT INTO "feeds" VALUES('crypto/bars_1d X:BTCUSD 2026-02-26..2026-03-03 rest','{"datasets": ["global_crypto/day_aggs_v1"], "symbols": ["X:BTCUSD"], "start": "2026-02-26", "end": "2026-03-03", "source": "rest", "destinations": ["lake"]}','2026-11-22 23:38:26.061851');
INSERT INTO "feeds" VALUES('forex/bars_1d all 2026-03-02..2026-03-03','{"datasets": ["global_forex/day_aggs_v1"], "symbols": null, "start": "2026-03-02", "end": "2026-03-03", "source": "auto", "destinations": ["lake"]}','2026-11-22 23:38:44.230376');
CREATE TABLE files_upstream (
	dataset TEXT NOT NULL, 
	day DATE NOT NULL, 
	etag TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	last_modified DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_files_upstream PRIMARY KEY (dataset, day)
)
 WITHOUT ROWID

;
INSERT INTO "files_upstream" VALUES('global_forex/day_aggs_v1','2026-03-02','d5c96d05b88d22d4af0e3f28aea7e0e6',196,'2026-03-03 03:00:00.000000','2026-11-22 23:38:44.165766');
INSERT INTO "files_upstream" VALUES('global_forex/day_aggs_v1','2026-03-03','6c54aab907f31a9ba29f664eaed4e85b',197,'2026-03-04 03:00:00.000000','2026-11-22 23:38:44.165778');
INSERT INTO "files_upstream" VALUES('us_stocks_sip/day_aggs_v1','2026-02-26','14f2ad9333522668a5fa3f09ca0f8c0e',242,'2026-02-27 03:00:00.000000','2026-11-22 23:37:40.503508');
INSERT INTO "files_upstream" VALUES('us_stocks_sip/day_aggs_v1','2026-02-27','4008a804c345059951e2951b0eddcb1f',246,'2026-02-28 03:00:00.000000','2026-11-22 23:37:40.503525');
INSERT INTO "files_upstream" VALUES('us_stocks_sip/day_aggs_v1','2026-03-02','e55354f8e872716eefe44e1ca2d59cb2',237,'2026-03-03 03:00:00.000000','2026-11-22 23:37:40.503528');
INSERT INTO "files_upstream" VALUES('us_stocks_sip/day_aggs_v1','2026-03-03','a6221bc44efe7e4272cae5a91ab527d7',243,'2026-03-04 03:00:00.000000','2026-11-22 23:37:40.503531');
INSERT INTO "files_upstream" VALUES('us_stocks_sip/minute_aggs_v1','2026-03-02','0482190ef447cfc9e46e658e21a3eba8',28473,'2026-03-03 04:30:00.000000','2026-11-22 23:38:10.392194');
CREATE TABLE forebay_revision (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT forebay_revision_pkc PRIMARY KEY (version_num)
);
INSERT INTO "forebay_revision" VALUES('0001');
CREATE TABLE rate_grants (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	granted_at DATETIME NOT NULL
);
CREATE TABLE rate_pause (
	id INTEGER NOT NULL, 
	until DATETIME, 
	CONSTRAINT pk_rate_pause PRIMARY KEY (id)
);
INSERT INTO "rate_pause" VALUES(1,NULL);
CREATE TABLE tasks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	dataset TEXT NOT NULL, 
	table_name TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	start_date DATE NOT NULL, 
	end_date DATE NOT NULL, 
	source TEXT NOT NULL, 
	etag TEXT, 
	size BIGINT, 
	last_modified DATETIME, 
	priority INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	available_at DATETIME NOT NULL, 
	attempt INTEGER DEFAULT '0' NOT NULL, 
	upload_attempt INTEGER DEFAULT '0' NOT NULL, 
	throttled_since DATETIME, 
	crashes INTEGER DEFAULT '0' NOT NULL, 
	error_kind TEXT, 
	error_message TEXT, 
	rows BIGINT, 
	bytes BIGINT, 
	worker_id TEXT, 
	lease_token BIGINT DEFAULT '0' NOT NULL, 
	lease_expires_at DATETIME, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	pending_at DATETIME, 
	processing_at DATETIME, 
	downloading_at DATETIME, 
	downloaded_at DATETIME, 
	uploading_at DATETIME, 
	completed_at DATETIME, 
	failed_download_at DATETIME, 
	failed_upload_at DATETIME, 
	permanent_failure_at DATETIME, 
	CONSTRAINT uq_tasks_destination_key UNIQUE (destination, "key")
);
INSERT INTO "tasks" VALUES(1,'load','us_stocks_sip/day_aggs_v1/2026/02/2026-02-26.csv.gz','lake','us_stocks_sip/day_aggs_v1','stocks/bars_1d','*','2026-02-26','2026-02-26','flatfile','14f2ad9333522668a5fa3f09ca0f8c0e',242,'2026-02-27 03:00:00.000000',1479347,'completed','2026-11-22 23:37:41.673390',0,0,NULL,0,NULL,NULL,4,242,NULL,1,NULL,'2026-11-22 23:37:41.673390','2026-11-22 23:37:44.582441','2026-11-22 23:37:41.673390','2026-11-22 23:37:43.843696','2026-11-22 23:37:43.847665','2026-11-22 23:37:43.876668','2026-11-22 23:37:43.879353','2026-11-22 23:37:44.582441',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(2,'load','us_stocks_sip/day_aggs_v1/2026/02/2026-02-27.csv.gz','lake','us_stocks_sip/day_aggs_v1','stocks/bars_1d','*','2026-02-27','2026-02-27','flatfile','4008a804c345059951e2951b0eddcb1f',246,'2026-02-28 03:00:00.000000',1479349,'completed','2026-11-22 23:37:41.673390',0,0,NULL,0,NULL,NULL,4,246,NULL,1,NULL,'2026-11-22 23:37:41.673390','2026-11-22 23:37:43.887566','2026-11-22 23:37:41.673390','2026-11-22 23:37:43.775312','2026-11-22 23:37:43.779483','2026-11-22 23:37:43.798084','2026-11-22 23:37:43.800056','2026-11-22 23:37:43.887566',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(3,'load','us_stocks_sip/day_aggs_v1/2026/03/2026-03-02.csv.gz','lake','us_stocks_sip/day_aggs_v1','stocks/bars_1d','*','2026-03-02','2026-03-02','flatfile','e55354f8e872716eefe44e1ca2d59cb2',237,'2026-03-03 03:00:00.000000',1479355,'completed','2026-11-22 23:37:41.673390',0,0,NULL,0,NULL,NULL,4,237,NULL,1,NULL,'2026-11-22 23:37:41.673390','2026-11-22 23:37:43.748769','2026-11-22 23:37:41.673390','2026-11-22 23:37:42.143149','2026-11-22 23:37:42.490966','2026-11-22 23:37:42.905031','2026-11-22 23:37:42.907580','2026-11-22 23:37:43.748769',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(4,'load','us_stocks_sip/day_aggs_v1/2026/03/2026-03-03.csv.gz','lake','us_stocks_sip/day_aggs_v1','stocks/bars_1d','*','2026-03-03','2026-03-03','flatfile','a6221bc44efe7e4272cae5a91ab527d7',243,'2026-03-04 03:00:00.000000',1479357,'completed','2026-11-22 23:37:41.673390',0,0,NULL,0,NULL,NULL,4,243,NULL,1,NULL,'2026-11-22 23:37:41.673390','2026-11-22 23:37:43.817187','2026-11-22 23:37:41.673390','2026-11-22 23:37:42.087400','2026-11-22 23:37:42.297166','2026-11-22 23:37:42.929983','2026-11-22 23:37:42.931643','2026-11-22 23:37:43.817187',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(5,'load','us_stocks_sip/minute_aggs_v1/2026/03/2026-03-02.csv.gz','lake','us_stocks_sip/minute_aggs_v1','stocks/bars_1m','*','2026-03-02','2026-03-02','flatfile','0482190ef447cfc9e46e658e21a3eba8',28473,'2026-03-03 04:30:00.000000',1479354,'completed','2026-11-22 23:38:10.799460',0,0,NULL,0,NULL,NULL,1367,28473,NULL,1,NULL,'2026-11-22 23:38:10.799460','2026-11-22 23:38:11.000452','2026-11-22 23:38:10.799460','2026-11-22 23:38:10.829283','2026-11-22 23:38:10.859517','2026-11-22 23:38:10.925735','2026-11-22 23:38:10.944886','2026-11-22 23:38:11.000452',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(6,'fetch','rest/crypto/bars_1d/X=3ABTCUSD/2026-02-26..2026-03-03','lake','rest/bars/1d','crypto/bars_1d','X:BTCUSD','2026-02-26','2026-03-03','rest',NULL,NULL,NULL,1479357,'completed','2026-11-22 23:38:27.551136',0,0,NULL,0,NULL,NULL,6,0,NULL,1,NULL,'2026-11-22 23:38:27.551136','2026-11-22 23:38:29.152390','2026-11-22 23:38:27.551136','2026-11-22 23:38:27.762823','2026-11-22 23:38:27.807278','2026-11-22 23:38:29.085806','2026-11-22 23:38:29.087966','2026-11-22 23:38:29.152390',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(7,'load','global_forex/day_aggs_v1/2026/03/2026-03-02.csv.gz','lake','global_forex/day_aggs_v1','forex/bars_1d','*','2026-03-02','2026-03-02','flatfile','d5c96d05b88d22d4af0e3f28aea7e0e6',196,'2026-03-03 03:00:00.000000',1479355,'completed','2026-11-22 23:38:46.146880',0,0,NULL,0,NULL,NULL,3,196,NULL,1,NULL,'2026-11-22 23:38:46.146880','2026-11-22 23:38:46.962757','2026-11-22 23:38:46.146880','2026-11-22 23:38:46.337395','2026-11-22 23:38:46.399754','2026-11-22 23:38:46.686391','2026-11-22 23:38:46.732230','2026-11-22 23:38:46.962757',NULL,NULL,NULL);
INSERT INTO "tasks" VALUES(8,'load','global_forex/day_aggs_v1/2026/03/2026-03-03.csv.gz','lake','global_forex/day_aggs_v1','forex/bars_1d','*','2026-03-03','2026-03-03','flatfile','6c54aab907f31a9ba29f664eaed4e85b',197,'2026-03-04 03:00:00.000000',1479357,'permanent_failure','2026-11-22 23:38:46.146880',0,0,NULL,0,'check_failed','global_forex/day_aggs_v1/2026/03/2026-03-03.csv.gz: 3 of 3 rows are bad: outside_session_date (3)',NULL,NULL,NULL,1,NULL,'2026-11-22 23:38:46.146880','2026-11-22 23:38:46.742909','2026-11-22 23:38:46.146880','2026-11-22 23:38:46.245176','2026-11-22 23:38:46.304478',NULL,NULL,NULL,NULL,NULL,'2026-11-22 23:38:46.742909');
CREATE INDEX ix_tasks_claim ON tasks (priority DESC, id, available_at) WHERE status IN ('pending', 'failed_download', 'failed_upload');
CREATE INDEX ix_tasks_lease ON tasks (lease_expires_at) WHERE status IN ('processing', 'downloading', 'downloaded', 'uploading');
CREATE INDEX ix_tasks_destination_status ON tasks (destination, status);
CREATE INDEX ix_tasks_table_name_symbol_start_date ON tasks (table_name, symbol, start_date);
CREATE INDEX ix_rate_grants_granted_at ON rate_grants (granted_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tasks',8);
COMMIT;
