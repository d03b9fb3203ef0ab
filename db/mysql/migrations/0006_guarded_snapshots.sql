CREATE OR REPLACE ALGORITHM = undefined
SQL SECURITY definer
VIEW `guarded_points` AS (select backup_id as id, mechanism as kind, volume_id, held from restore_points where gone_at is null);