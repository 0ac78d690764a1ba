module.exports = { ...require('../../jest.preset.cjs'), displayName: 'marts', rootDir: __dirname };
