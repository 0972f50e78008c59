# What Sightline's chart needs on Google Cloud: a cluster, PostgreSQL, Redis and a bucket, in a network of their own.
# docs/kubernetes.md, "Terraform", says how to use it. The chart itself is installed by Helm, afterwards.

terraform {
  required_version = ">= 1.6"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

resource "google_compute_network" "own" {
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "nodes" {
  name                     = "${var.name}-nodes"
  network                  = google_compute_network.own.id
  region                   = var.region
  ip_cidr_range            = "10.10.0.0/20"
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.20.0.0/16"
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.30.0.0/20"
  }
}

# PostgreSQL and Redis have no public address: they are reached through this peering alone.
resource "google_compute_global_address" "services" {
  name          = "${var.name}-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 16
  network       = google_compute_network.own.id
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.own.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

# Nodes have no public address either; pictures by their address, sources and the model hub are reached through here.
resource "google_compute_router" "own" {
  name    = var.name
  network = google_compute_network.own.id
  region  = var.region
}

resource "google_compute_router_nat" "own" {
  name                               = var.name
  router                             = google_compute_router.own.name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}
