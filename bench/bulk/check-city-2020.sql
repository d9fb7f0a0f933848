-- The colours of deploy/plans/city-2020.yaml, computed a second time: by hand in SQL, from the
-- plan's words and the descriptions of its sources, with nothing of CityCode's code. DuckDB.
--
-- Before it: a view for each source, named like it with _ for -, all columns VARCHAR as in the
-- files' headers, an empty field '', rows with too few fields left out; and
-- people(serial BIGINT, document_type, document_number, name, phone), as registered.
-- After it: colours(serial BIGINT, colour VARCHAR, reason INTEGER) of all people.

-- ---------------------------------------------------------------------------------------------
-- Cleaning

-- Full-width characters become ASCII, blanks go, letters become capitals.
CREATE OR REPLACE MACRO narrow(s) AS
  CASE WHEN (strlen(s) <> length(s) OR contains(s, ' ') OR contains(s, chr(9)))
      AND regexp_matches(s, '[！-～　 \t]')
    THEN regexp_replace(
      translate(s,
        '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～',
        '!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'),
      '[　 \t]', '', 'g')
    ELSE s END;
CREATE OR REPLACE MACRO tidy(s) AS upper(narrow(s));

-- The eighteenth character of a resident's number (ISO 7064 MOD 11-2) after its first seventeen.
CREATE OR REPLACE MACRO check_character(n) AS
  substr('10X98765432', 1 + CAST((
      7 * (n // 10000000000000000 % 10) + 9 * (n // 1000000000000000 % 10)
      + 10 * (n // 100000000000000 % 10) + 5 * (n // 10000000000000 % 10)
      + 8 * (n // 1000000000000 % 10) + 4 * (n // 100000000000 % 10)
      + 2 * (n // 10000000000 % 10) + 1 * (n // 1000000000 % 10)
      + 6 * (n // 100000000 % 10) + 3 * (n // 10000000 % 10) + 7 * (n // 1000000 % 10)
      + 9 * (n // 100000 % 10) + 10 * (n // 10000 % 10) + 5 * (n // 1000 % 10)
      + 8 * (n // 100 % 10) + 4 * (n // 10 % 10) + 2 * (n % 10)) % 11 AS INTEGER), 1);

-- Fifteen digits are a number of last century without its check character.
CREATE OR REPLACE MACRO lengthened(n) AS
  substr(n, 1, 6) || '19' || substr(n, 7, 9)
  || check_character(TRY_CAST(substr(n, 1, 6) || '19' || substr(n, 7, 9) AS BIGINT));

-- The number as it is registered, of a tidy one; whether it can be one is asked below.
CREATE OR REPLACE MACRO canonical(type, n) AS
  CASE
    WHEN type = 'resident_id' AND regexp_full_match(n, '[0-9]{15}') THEN lengthened(n)
    WHEN type = 'hk_macao_permit' THEN substr(n, 1, 9)
    ELSE n
  END;

CREATE OR REPLACE MACRO is_resident_id(n) AS
  regexp_full_match(n, '[0-9]{17}[0-9X]')
  AND TRY_CAST(substr(n, 1, 2) AS INTEGER) IN (
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
    50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83)
  AND TRY_CAST(substr(n, 7, 4) AS INTEGER) BETWEEN 1880 AND 2099
  AND try_strptime(substr(n, 7, 8), '%Y%m%d') IS NOT NULL
  AND check_character(TRY_CAST(substr(n, 1, 17) AS BIGINT)) = substr(n, 18, 1);

CREATE OR REPLACE MACRO is_organisation(n) AS
  regexp_full_match(n, '[0-9A-HJ-NPQRTUWXY]{18}')
  AND list_sum([
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', substr(n, i + 1, 1)) - 1)
      * [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1][i + 1]
      FOR i IN range(18)]) % 31 = 0;

-- Whether the tidy number `n` can be one of its type, registered or not.
CREATE OR REPLACE MACRO is_sound(type, n) AS
  CASE type
    WHEN 'resident_id' THEN
      is_resident_id(CASE WHEN regexp_full_match(n, '[0-9]{15}') THEN lengthened(n) ELSE n END)
    WHEN 'hk_macao_permit' THEN regexp_full_match(n, '[HM][0-9]{8}([0-9]{2})?')
    WHEN 'taiwan_permit' THEN regexp_full_match(n, '[0-9]{8}')
    WHEN 'passport' THEN regexp_full_match(n, '([A-Z]{3}:)?[0-9A-Z]{5,9}')
    WHEN 'uscc' THEN is_organisation(n)
    ELSE false
  END;

-- Eleven digits from 1 on, without the country's code; NULL for what is no mobile number.
CREATE OR REPLACE MACRO mobile(s) AS
  CASE WHEN strlen(s) = 11 AND s[1] = '1' AND TRY_CAST(s AS BIGINT) > 10000000000 THEN s
    ELSE nullif(
      regexp_extract(replace(narrow(s), '-', ''), '^(?:\+86|0086|86)?(1[0-9]{10})$', 1), '')
    END;

-- Times of China, but for what says its zone: TIMESTAMP of UTC, NULL for what is no such time.
CREATE OR REPLACE MACRO local_time(s, characters, format) AS
  CASE WHEN length(s) = characters THEN try_strptime(s, format) - INTERVAL 8 HOURS END;
CREATE OR REPLACE MACRO by_seconds(s) AS
  local_time(s, 19, '%Y-%m-%d %H:%M:%S');
CREATE OR REPLACE MACRO by_minutes(s) AS
  local_time(s, 16, '%Y-%m-%d %H:%M');
CREATE OR REPLACE MACRO by_slashes(s) AS
  local_time(s, 16, '%Y/%m/%d %H:%M');
CREATE OR REPLACE MACRO by_zone(s) AS
  CASE
    WHEN regexp_full_match(s, '\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?[Zz]')
      THEN try_strptime(substr(s, 1, 10) || substr(s, 12, 8), '%Y-%m-%d%H:%M:%S')
    WHEN regexp_full_match(s, '\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d')
      THEN try_strptime(substr(s, 1, 10) || substr(s, 12, 8), '%Y-%m-%d%H:%M:%S')
        - CASE WHEN s[-6] = '-' THEN -1 ELSE 1 END
        * (TRY_CAST(s[-5:-4] AS INTEGER) * INTERVAL 1 HOUR
          + TRY_CAST(s[-2:] AS INTEGER) * INTERVAL 1 MINUTE)
  END;
-- Seconds or milliseconds since 1970.
CREATE OR REPLACE MACRO by_count(s, in_second) AS
  CASE WHEN length(s) BETWEEN 1 AND 15
    THEN make_timestamp(TRY_CAST(s AS BIGINT) * (1000000 // in_second)) END;

CREATE OR REPLACE MACRO machine_type(s) AS
  CASE WHEN s IN ('resident_id', 'hk_macao_permit', 'taiwan_permit', 'passport', 'uscc') THEN s END;

-- ---------------------------------------------------------------------------------------------
-- Rows of all sources in one form; a spelling that no one knows is NULL, and so is a bad time.

CREATE OR REPLACE TEMP VIEW all_rows AS
SELECT 'test' AS kind, machine_type(trim(document_type)) AS type, document_number AS number, name,
  phone, coalesce(by_seconds(trim(sampled_at)), by_slashes(trim(sampled_at)),
    by_zone(trim(sampled_at))) AS moment,
  CASE trim(result) WHEN 'negative' THEN 'negative' WHEN '阴性' THEN 'negative'
    WHEN 'positive' THEN 'positive' WHEN '阳性' THEN 'positive'
    WHEN 'inconclusive' THEN 'inconclusive' WHEN '可疑' THEN 'inconclusive'
    WHEN '' THEN '' END AS result,
  trim(place) AS place
FROM nucleic_acid_tests
UNION ALL
SELECT CASE trim(措施) WHEN '集中隔离' THEN 'quarantine' WHEN '居家隔离' THEN 'home quarantine'
    WHEN '解除隔离' THEN 'release' END,
  CASE trim(证件类型) WHEN '居民身份证' THEN 'resident_id'
    WHEN '港澳居民来往内地通行证' THEN 'hk_macao_permit'
    WHEN '台湾居民来往大陆通行证' THEN 'taiwan_permit' WHEN '护照' THEN 'passport'
    ELSE machine_type(trim(证件类型)) END,
  证件号码, 姓名, 手机号,
  coalesce(by_seconds(trim(开始时间)), by_slashes(trim(开始时间)),
    local_time(trim(开始时间), 11, '%Y年%m月%d日')),
  '', trim(地区代码)
FROM quarantine_orders
UNION ALL
SELECT 'contact', 'resident_id', document_number, name, phone,
  coalesce(by_minutes(trim(contact_at)), local_time(trim(contact_at), 12, '%Y%m%d%H%M'),
    by_zone(trim(contact_at))),
  '', trim(place)
FROM close_contacts
UNION ALL
SELECT 'border entry',
  CASE trim(type) WHEN 'P' THEN 'passport' WHEN 'H' THEN 'hk_macao_permit'
    WHEN 'T' THEN 'taiwan_permit' WHEN 'I' THEN 'resident_id' ELSE machine_type(trim(type)) END,
  number, name, phone,
  -- The port writes UTC.
  coalesce(by_zone(trim(entered_at)), by_seconds(trim(entered_at)) + INTERVAL 8 HOURS,
    local_time(trim(entered_at), 8, '%Y%m%d') + INTERVAL 8 HOURS),
  '', trim(place)
FROM border_entries
UNION ALL
SELECT 'visit', machine_type(trim(document_type)), document_number, name, phone,
  coalesce(by_count(trim(arrived), 1000), by_seconds(trim(arrived)), by_zone(trim(arrived))),
  '', trim(place)
FROM risk_area_visits
UNION ALL
SELECT 'vaccination', machine_type(trim(document_type)), document_number, name, phone,
  coalesce(local_time(trim(vaccinated_on), 10, '%Y-%m-%d'),
    local_time(trim(vaccinated_on), 10, '%Y/%m/%d'),
    local_time(trim(vaccinated_on), 8, '%Y%m%d')),
  CASE WHEN trim(dose) IN ('', '1', '2', '3') THEN trim(dose) END, trim(place)
FROM vaccination
UNION ALL
SELECT 'fever clinic', machine_type(trim(document_type)), document_number, name, phone,
  coalesce(by_seconds(trim(seen_at)), by_slashes(trim(seen_at)), by_zone(trim(seen_at))),
  CASE trim(diagnosis) WHEN 'confirmed' THEN 'confirmed' WHEN '确诊' THEN 'confirmed'
    WHEN 'suspected' THEN 'suspected' WHEN '疑似' THEN 'suspected'
    WHEN 'excluded' THEN 'excluded' WHEN '排除' THEN 'excluded' WHEN '' THEN '' END,
  trim(place)
FROM fever_clinics
UNION ALL
SELECT 'declaration', machine_type(trim(document_type)), document_number, name, phone,
  coalesce(by_count(trim(submitted_at), 1), by_seconds(trim(submitted_at)),
    by_zone(trim(submitted_at))),
  CASE WHEN trim(symptoms) IN ('none', '') THEN ''
    WHEN trim(symptoms) IN ('fever', 'cough') THEN trim(symptoms) END, trim(place)
FROM self_declarations;

-- The plan's moment and everything in minutes before it.
CREATE OR REPLACE MACRO age_at(moment) AS date_diff('minute', moment, TIMESTAMP '2020-02-29 16:00:00');

-- Only what the rules ask for is kept, with a rank for ties and whether the place was of high risk.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT kind, type, tidy(number) AS number, name, phone, age_at(moment) AS age, result,
  kind IN ('visit', 'border entry') AND (
    place[1:4] = '4201'
    OR place[1:6] = '110105' AND moment >= TIMESTAMP '2020-02-09 16:00:00'
    OR place[1:6] = '310115' AND moment >= TIMESTAMP '2020-01-31 16:00:00'
      AND moment < TIMESTAMP '2020-02-14 16:00:00'
    OR place[1:4] = '3303' AND moment < TIMESTAMP '2020-02-20 16:00:00') AS is_high
FROM all_rows
WHERE kind <> 'vaccination' AND type IS NOT NULL AND result IS NOT NULL
  AND moment >= TIMESTAMP '2020-01-01 00:00:00' AND moment < TIMESTAMP '2020-02-29 16:01:00'
  AND (place = '' OR length(place) IN (2, 4, 6, 9, 12) AND TRY_CAST(place AS BIGINT) >= 10)
  AND (kind NOT IN ('visit', 'border entry') OR is_high);

-- ---------------------------------------------------------------------------------------------
-- Matching: by document; where that is missing or wrong, by phone and name if that is one person.

CREATE OR REPLACE TEMP TABLE documents AS
SELECT DISTINCT ON (type, number) document_type AS type,
  canonical(document_type, tidy(document_number)) AS number, serial
FROM people;

CREATE OR REPLACE TEMP TABLE contacts AS
SELECT mobile(phone) AS phone, tidy(name) AS name, min(serial) AS serial
FROM people
WHERE mobile(phone) IS NOT NULL AND tidy(name) <> ''
GROUP BY 1, 2
HAVING count(DISTINCT serial) = 1;

-- What is registered is sound, so only the rest has to be looked at closely. A sound number of
-- nobody is nobody's, whatever phone and name say.
CREATE OR REPLACE TEMP TABLE found AS
SELECT d.serial, a.*
FROM asked a LEFT JOIN documents d ON d.type = a.type AND d.number = canonical(a.type, a.number);

CREATE OR REPLACE TEMP TABLE matched AS
SELECT serial, kind, result, age, is_high
FROM found
WHERE serial IS NOT NULL AND (type <> 'hk_macao_permit' OR is_sound(type, number))
UNION ALL
SELECT c.serial, a.kind, a.result, a.age, a.is_high
FROM (SELECT *, mobile(phone) AS mobile, tidy(name) AS tidy_name FROM found
    WHERE (serial IS NULL OR type = 'hk_macao_permit') AND NOT is_sound(type, number)) a
  JOIN contacts c ON c.phone = a.mobile AND c.name = a.tidy_name;

-- ---------------------------------------------------------------------------------------------
-- Rules. Ages are minutes: the least is the latest. Of a tie the graver result counts: an event
-- is worth 10 × age less its rank, and the least is the one that counts.

CREATE OR REPLACE TEMP TABLE facts AS
SELECT serial,
  min(age) FILTER (kind = 'fever clinic' AND result = 'confirmed') AS confirmed,
  min(age * 10 - CASE result WHEN 'negative' THEN 1 WHEN 'inconclusive' THEN 2
    WHEN 'positive' THEN 3 ELSE 0 END) FILTER (kind = 'test') AS test,
  min(age) FILTER (kind = 'test' AND result = 'negative') AS negative,
  min(age * 10 - CASE kind WHEN 'release' THEN 1 WHEN 'home quarantine' THEN 2 ELSE 3 END)
    FILTER (kind IN ('quarantine', 'home quarantine', 'release')) AS measure,
  min(age) FILTER (kind = 'contact') AS contact,
  min(age * 10 - CASE result WHEN 'excluded' THEN 1 WHEN 'suspected' THEN 2
    WHEN 'confirmed' THEN 3 ELSE 0 END) FILTER (kind = 'fever clinic') AS clinic,
  min(age) FILTER (kind = 'border entry') AS risky_entry,
  min(age) FILTER (kind = 'visit') AS risky_visit,
  max(age) FILTER (kind = 'visit' AND age <= 14 * 1440) AS first_risky_visit,
  min(age * 10 - CASE result WHEN 'cough' THEN 1 WHEN 'fever' THEN 2 ELSE 0 END)
    FILTER (kind = 'declaration') AS declaration
FROM matched
GROUP BY serial;

-- Who tested negative twice, a day apart, from a day after the illness was confirmed on.
CREATE OR REPLACE TEMP TABLE recovered AS
SELECT serial
FROM facts JOIN matched USING (serial)
WHERE confirmed <= 28 * 1440 AND kind = 'test' AND result = 'negative'
  AND age <= confirmed - 1440
GROUP BY serial
HAVING max(age) - min(age) >= 1440;

-- An event worth `w` (10 × age - rank) has this age and rank.
CREATE OR REPLACE MACRO age_of(w) AS (w + 9) // 10;
CREATE OR REPLACE MACRO rank_of(w) AS age_of(w) * 10 - w;
-- Whether a negative test came so many days after the event of an age, or later.
CREATE OR REPLACE MACRO cleared(negative, age, days) AS
  coalesce(negative <= age - days * 1440, false);

CREATE OR REPLACE TEMP TABLE reasons AS
SELECT serial,
  CASE
    WHEN confirmed <= 28 * 1440 AND serial NOT IN (SELECT serial FROM recovered) THEN 10
    WHEN rank_of(test) = 3 AND age_of(test) <= 28 * 1440 THEN 11
    WHEN rank_of(measure) = 3 AND age_of(measure) <= 14 * 1440 THEN 12
    WHEN risky_entry <= 7 * 1440 AND NOT cleared(negative, risky_entry, 1) THEN 13
    WHEN first_risky_visit - risky_visit >= 1440 THEN 14
    WHEN rank_of(measure) = 2 AND age_of(measure) <= 14 * 1440 THEN 20
    WHEN contact <= 14 * 1440 AND NOT cleared(negative, contact, 3) THEN 21
    WHEN rank_of(clinic) = 2 AND age_of(clinic) <= 14 * 1440
      AND NOT cleared(negative, age_of(clinic), 0) THEN 22
    WHEN least(risky_visit, risky_entry) <= 14 * 1440
      AND NOT cleared(negative, least(risky_visit, risky_entry), 7) THEN 23
    WHEN rank_of(test) = 2 AND age_of(test) <= 14 * 1440 THEN 24
    WHEN rank_of(declaration) = 2 AND age_of(declaration) <= 3 * 1440
      AND NOT cleared(negative, age_of(declaration), 0)
      AND NOT coalesce(rank_of(clinic) = 1 AND age_of(clinic) <= age_of(declaration), false)
      THEN 25
    ELSE 0
  END AS reason
FROM facts;

CREATE OR REPLACE TABLE colours AS
SELECT people.serial,
  CASE WHEN reason BETWEEN 10 AND 19 THEN 'red' WHEN reason >= 20 THEN 'yellow' ELSE 'green' END
    AS colour,
  CAST(coalesce(reason, 0) AS INTEGER) AS reason
FROM people LEFT JOIN reasons USING (serial);
