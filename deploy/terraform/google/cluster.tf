resource "google_service_account" "nodes" {
  account_id   = "${var.name}-nodes"
  display_name = "Nodes of ${var.name}"
}

# What a node itself does: write logs and numbers, and fetch images.
resource "google_project_iam_member" "nodes" {
  for_each = toset(["roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"])

  project = var.project
  role    = each.value
  member  = google_service_account.nodes.member
}

resource "google_container_cluster" "own" {
  name                     = var.name
  location                 = var.zone
  network                  = google_compute_network.own.id
  subnetwork               = google_compute_subnetwork.nodes.id
  remove_default_node_pool = true
  initial_node_count       = 1
  deletion_protection      = var.deletion_protection
  datapath_provider        = "ADVANCED_DATAPATH" # the chart's network policies need somebody who enforces them

  release_channel {
    channel = "REGULAR"
  }
  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }
  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = false
    master_ipv4_cidr_block  = "172.16.0.0/28"
  }
  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.administrators
      content {
        cidr_block = cidr_blocks.value
      }
    }
  }
  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }
  addons_config {
    gcp_filestore_csi_driver_config {
      enabled = true # for the claim that several pods write
    }
  }
}

resource "google_container_node_pool" "own" {
  name     = "own"
  cluster  = google_container_cluster.own.id
  location = var.zone

  autoscaling {
    min_node_count = var.machines.least
    max_node_count = var.machines.most
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  node_config {
    machine_type    = var.machines.type
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }
}
