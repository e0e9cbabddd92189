// The stack from AWS CDK: npm install aws-cdk-lib constructs, then cdk deploy --app "node app.js".
const { App, Stack } = require("aws-cdk-lib");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");

const app = new App();
const stack = new Stack(app, "connect-quota-monitor");
new CfnInclude(stack, "monitor", {
  templateFile: "template.yaml",
  parameters: {
    CodeS3Bucket: process.env.CODE_BUCKET,
    CodeS3Key: process.env.CODE_KEY,
    NotificationEmail: process.env.EMAIL,
  },
});
