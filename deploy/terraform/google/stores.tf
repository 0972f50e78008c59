resource "random_password" "database" {
  length  = 32
  special = false # it becomes part of an address
}

resource "google_sql_database_instance" "own" {
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.deletion_protection
  depends_on          = [google_service_networking_connection.services]

  settings {
    edition           = "ENTERPRISE"
    tier              = var.database.tier
    availability_type = var.database.standby ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_size         = var.database.disk_gb
    disk_autoresize   = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.own.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
    }
    database_flags {
      name  = "random_page_cost"
      value = "1.1"
    }
  }
}

resource "google_sql_database" "own" {
  name     = "sightline"
  instance = google_sql_database_instance.own.name
}

resource "google_sql_user" "own" {
  name     = "sightline"
  instance = google_sql_database_instance.own.name
  password = random_password.database.result
}

resource "google_redis_instance" "own" {
  name               = var.name
  region             = var.region
  memory_size_gb     = 1
  tier               = "BASIC"
  redis_version      = "REDIS_7_2"
  authorized_network = google_compute_network.own.id
  connect_mode       = "PRIVATE_SERVICE_ACCESS"
  auth_enabled       = true
  depends_on         = [google_service_networking_connection.services]

  redis_configs = {
    "maxmemory-policy" = "volatile-lru"
  }
}

resource "google_artifact_registry_repository" "own" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
}

# Backups, and blobs where they are kept in a bucket; both speak S3 to it with the key below.
resource "google_storage_bucket" "own" {
  name                        = "${var.project}-${var.name}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }
}

resource "google_service_account" "bucket" {
  account_id   = "${var.name}-bucket"
  display_name = "Reads and writes the bucket of ${var.name}"
}

resource "google_storage_bucket_iam_member" "bucket" {
  bucket = google_storage_bucket.own.name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.bucket.member
}

resource "google_storage_hmac_key" "bucket" {
  service_account_email = google_service_account.bucket.email
}
