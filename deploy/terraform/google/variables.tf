variable "project" {
  description = "The project's id; compute, container, artifactregistry, sqladmin, redis, servicenetworking and file APIs are enabled there."
  type        = string
}

variable "region" {
  type    = string
  default = "europe-west3"
}

variable "zone" {
  description = "Where the nodes are; one zone costs no traffic between zones."
  type        = string
  default     = "europe-west3-a"
}

variable "name" {
  description = "Of everything that is made."
  type        = string
  default     = "sightline"
}

variable "administrators" {
  description = "Address ranges from which the cluster may be administered, such as 203.0.113.7/32. None: nobody from outside."
  type        = list(string)
}

variable "machines" {
  description = "Nodes; the defaults carry values-medium.yaml without PostgreSQL (python -m bench.costs)."
  type        = object({ type = string, least = number, most = number })
  default     = { type = "e2-standard-4", least = 2, most = 4 }
}

variable "database" {
  description = "db-custom-PROCESSORS-MEBIBYTES: twice the memory of the vector index (docs/switching.md, Which index)."
  type        = object({ tier = string, disk_gb = number, standby = bool })
  default     = { tier = "db-custom-2-8192", disk_gb = 50, standby = false }
}

variable "deletion_protection" {
  description = "Whether destroying the cluster and the database is refused."
  type        = bool
  default     = true
}
