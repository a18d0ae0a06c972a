/** The rows of the closed table for `check --identity`. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'

export const identityChecks = {
  caller: row({
    about: 'AWS identifies the caller: there are credentials, they are valid, and STS answers.',
    why: 'without credentials of yours nothing can be tried',
    remedy: 'log in, so that aws sts get-caller-identity works in the same shell',
  }),
  'node-role': row({
    about: 'The caller is neither the role of a node nor the root user.',
    why: 'the role of a node is that of every pod that reaches the instance metadata; if it may assume the roles of models, so may all of them',
    remedy:
      'run it from your own shell or from CI with a role of its own, and see that no trust policy names the role of the nodes',
  }),
  'role-known': row({
    about: 'The role of the service account is known.',
    why: 'the role decides what pods may read',
    remedy: 'name it with --role',
  }),
  'cluster-arn': row({
    about: 'The cluster is known by its ARN.',
    why: 'EKS puts it into the session tags, and roles refuse those of another cluster',
    remedy: 'name it with --cluster-arn',
  }),
  'wanted-prefix': row({
    about: 'The sources that pods of the service account read are known.',
    why: 'without it only the role can be tried, and not what it reads',
    remedy: 'name it with --source s3://bucket/prefix/',
  }),
  'role-assumed': row({
    about: 'You may assume the role (sts:AssumeRole), for 15 minutes and with a policy that only reads.',
    why: 'nothing can be proven as long as you may not assume the role; pods assume it through EKS, by another statement of its trust policy',
    remedy: 'let the trust policy of the role name you',
  }),
  'session-tags': row({
    about: 'The session gets the six tags that EKS Pod Identity gives to pods (sts:TagSession).',
    why: 'without its tags a session is refused by every condition on them',
    remedy: 'allow sts:TagSession together with sts:AssumeRole, in the trust policy and in your own',
  }),
  'bucket-region': row({
    about: 'The bucket is in the region in which pods look for it.',
    why: 'EKS tells pods the region of the cluster, and the loader ends with exit code 11 if the bucket is elsewhere',
    remedy: 'set the annotation region to the one of the bucket',
  }),
  'prefix-listed': row({
    about: 'The session may list the sources that pods request.',
    why: 'the loader lists before it downloads, and ends with exit code 10',
    remedy: 'allow s3:ListBucket for the prefix: model-injector render download prints the policy',
  }),
  'prefix-filled': row({
    about: 'The prefix contains objects.',
    why: 'the loader ends with exit code 12 where nothing is',
    remedy: 'upload the model, or correct the prefix: upper and lower case count',
  }),
  'object-read': row({
    about: 'The session may read an object of these sources, and decrypt it.',
    why: 'the loader ends with exit code 10 at the first object that it may not read',
    remedy: 'allow s3:GetObject below the prefix, and kms:Decrypt for the key of the bucket if it has one',
  }),
  'other-prefix': row({
    about: "The session may neither list nor read another namespace's prefix.",
    why: 'the role is too wide: every user who may create pods with this service account reads what belongs to others',
    remedy: 'narrow the policy of the role: model-injector render download prints one',
  }),
  'whole-bucket': row({
    about: 'The session may not list the whole bucket.',
    why: 'a role that lists the whole bucket learns the names of everything in it; only in a bucket of one team is that meant',
    remedy:
      'add the condition on s3:prefix to the statement that allows s3:ListBucket: model-injector render download prints it',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout(identityChecks)
