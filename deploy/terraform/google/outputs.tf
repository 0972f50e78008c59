output "cluster" {
  description = "gcloud container clusters get-credentials takes it."
  value       = google_container_cluster.own.name
}

output "registry" {
  description = "Where the images are pushed; the nodes may pull from it. The chart's image.repository is this with /sightline behind it."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.own.repository_id}"
}

output "storage_class" {
  description = "For kubectl apply: the cluster's own classes make Filestore volumes in the network `default`, which its nodes do not reach."
  value = yamlencode({
    apiVersion           = "storage.k8s.io/v1"
    kind                 = "StorageClass"
    metadata             = { name = "${var.name}-rwx" }
    provisioner          = "filestore.csi.storage.gke.io"
    parameters           = { tier = "standard", network = google_compute_network.own.name }
    reclaimPolicy        = "Retain"
    volumeBindingMode    = "WaitForFirstConsumer"
    allowVolumeExpansion = true
  })
}

output "database_url" {
  description = "DATABASE_URL of the chart's secret."
  sensitive   = true
  value = join("", [
    "postgresql://${google_sql_user.own.name}:${random_password.database.result}",
    "@${google_sql_database_instance.own.private_ip_address}:5432/${google_sql_database.own.name}?sslmode=require",
  ])
}

output "redis_url" {
  description = "REDIS_URL of the chart's secret."
  sensitive   = true
  value       = "redis://:${google_redis_instance.own.auth_string}@${google_redis_instance.own.host}:6379/0"
}

output "bucket" {
  description = "Its address, and the key that speaks S3 to it at https://storage.googleapis.com."
  sensitive   = true
  value = {
    name   = google_storage_bucket.own.name
    key_id = google_storage_hmac_key.bucket.access_id
    key    = google_storage_hmac_key.bucket.secret
  }
}
