# The stack from Terraform. The template is too long for template_body, so it goes through the bucket too.
# Take the package and the template of a release, or build them: deploy.sh --package-only FILE.
variable "code_bucket" {
  description = "A private bucket in the same Region for the package and the template."
  type        = string
}

variable "email" {
  type = string
}

locals {
  package = "connect-quota-monitor-arm64.zip"
}

resource "aws_s3_object" "package" {
  bucket = var.code_bucket
  # A new package has a new key, so the stack sees that the code changed.
  key    = "connect-quota-monitor/${filesha256(local.package)}.zip"
  source = local.package
}

resource "aws_s3_object" "template" {
  bucket = var.code_bucket
  key    = "connect-quota-monitor/${filesha256("template.yaml")}.yaml"
  source = "template.yaml"
}

data "aws_s3_bucket" "code" {
  bucket = var.code_bucket
}

resource "aws_cloudformation_stack" "monitor" {
  name         = "connect-quota-monitor"
  template_url = "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  capabilities = ["CAPABILITY_IAM"]

  parameters = {
    CodeS3Bucket      = var.code_bucket
    CodeS3Key         = aws_s3_object.package.key
    NotificationEmail = var.email
  }
}

output "function" {
  value = aws_cloudformation_stack.monitor.outputs["FunctionName"]
}
